import pytest

from omcrm.market.comparison import DisputeRule
from omcrm.market.explanation import Explanation, SourceVerdict
from omcrm.market.source import LAST_RESORT
from tests.market.whole_market import DOWN, HEALTHY, LIVE, STALE, Market
from tests.values import KRAKEN, book


def explained(market: Market) -> Explanation:
    explanation = market.consolidator.explain("BTC")
    assert explanation is not None
    return explanation


def verdicts(market: Market) -> dict[str, SourceVerdict]:
    return {state.source: state.verdict for state in explained(market).sources}


@pytest.fixture
def two(streaming: Market) -> Market:
    """Binance and Kraken stream."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("101", KRAKEN)
    return streaming


def test_the_active_source_comes_with_its_standby(two: Market) -> None:
    """In the policy's order, with prices and how far they are apart."""
    binance, kraken = explained(two).sources
    explanation = explained(two)

    assert (SourceVerdict.ACTIVE, 0.0) == (binance.verdict, binance.apart)
    assert (SourceVerdict.STANDBY, 0.01) == (kraken.verdict, kraken.apart)
    assert explanation.quote is not None
    assert ("binance", LIVE) == (explanation.quote.source.name, explanation.quote.price_class)
    assert None is explanation.rule


def test_a_followed_source_without_a_price_is_named(streaming: Market) -> None:
    """It is no reason to look elsewhere for the mistake."""
    assert {"binance": SourceVerdict.NO_PRICE} == verdicts(streaming)


def test_a_fixed_price_is_no_standby(streaming: Market) -> None:
    """It could not be shown, and says why; where it is shown it is the active one."""
    streaming.trade("90", LAST_RESORT)
    alone = verdicts(streaming)
    streaming.trade("100")
    fixed = explained(streaming).sources[-1]

    assert SourceVerdict.ACTIVE is alone["last_resort"]
    assert (SourceVerdict.LAST_RESORT, False) == (fixed.verdict, fixed.is_accepted)


def test_the_distance_is_that_of_the_lower_price(two: Market) -> None:
    """As disputes and divergences are measured, whichever of the two is shown."""
    two.trade("96", KRAKEN)
    two.review()

    assert 0.041667 == explained(two).sources[1].apart


def test_a_returning_source_waits_for_its_recovery_hold(two: Market) -> None:
    """The end of the hold is known."""
    two.set_health(DOWN)
    before = verdicts(two)["binance"]
    two.set_health(HEALTHY)
    two.trade("100")
    two.trade("101", KRAKEN)
    two.review()
    binance, kraken = explained(two).sources

    assert SourceVerdict.SOURCE_DOWN is before
    assert (SourceVerdict.RECOVERY_HOLD, True) == (binance.verdict, binance.is_accepted)
    assert 10 == (binance.hold_ends_at - two.clock.now).total_seconds()
    assert SourceVerdict.ACTIVE is kraken.verdict


def test_sources_that_contradict_each_other_say_so(two: Market) -> None:
    """With the rule that decided."""
    two.trade("120", KRAKEN)
    two.clock.pass_seconds(2)
    two.trade("120.1", KRAKEN)
    two.trade("100")
    two.review()

    assert DisputeRule.UNDECIDED is explained(two).rule
    assert {SourceVerdict.CONTRADICTED} == set(verdicts(two).values())


def test_a_source_outside_its_own_book_says_so(streaming: Market) -> None:
    """Its own channels contradict each other."""
    for _ in range(4):
        streaming.trade("100")
        streaming.apply(book("102", "102.1"))
        streaming.clock.pass_seconds(1)
        streaming.review()

    assert {"binance": SourceVerdict.OUTSIDE_ITS_BOOK} == verdicts(streaming)


def test_the_history_has_the_last_hour(two: Market) -> None:
    """Each change of the active source and of the class; the last one before the hour, too."""
    two.clock.pass_seconds(11)
    two.review()
    two.trade("101", KRAKEN)
    recent = [(item.source, item.price_class) for item in explained(two).history]
    two.clock.pass_seconds(3600)
    two.review()

    assert [("binance", LIVE), ("binance", STALE), ("kraken", LIVE)] == recent
    assert [("kraken", LIVE), ("kraken", STALE)] == [
        (item.source, item.price_class) for item in explained(two).history
    ]


def test_an_unknown_symbol_has_no_explanation(two: Market) -> None:
    """It is not followed."""
    assert None is two.consolidator.explain("NOPE")
