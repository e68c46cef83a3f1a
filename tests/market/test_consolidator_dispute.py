"""Sources that contradict each other, or themselves, are not live."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from omcrm.market.comparison import Dispute, DisputeRule, Divergence
from omcrm.market.failover import FailoverReason
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import StaleReason
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures
from tests.market.whole_market import CLOSED, FINNHUB, HEALTHY, LIVE, STALE, Market
from tests.values import BINANCE, KRAKEN, book

CONTRADICTED = StaleReason.CONTRADICTED
OKX = Source("okx", LIVE)
DAY = DayFigures(high=Decimal(101), low=Decimal(99))


@pytest.fixture
def two(streaming: Market) -> Market:
    """Binance and Kraken stream."""
    streaming.set_health(HEALTHY, "kraken")
    return streaming


def reason(market: Market) -> StaleReason | None:
    quote = market.cache.get("BTC")
    return quote and quote.stale_reason


@pytest.mark.parametrize("first", [BINANCE, KRAKEN])
def test_of_two_sources_that_contradict_each_other_none_is_live(two: Market, first: Source) -> None:
    """Whoever came first: with the tick that contradicts, the price is stale at once."""
    two.trade("112", first)
    (second,) = {BINANCE, KRAKEN} - {first}
    two.trade("100", second)

    assert STALE is two.cache.get("BTC").price_class
    assert CONTRADICTED is reason(two)


def test_sources_that_agree_again_are_live_at_once(two: Market) -> None:
    """The dispute ends with the tick that ends it, and is reported with both prices."""
    two.trade("100")
    two.trade("112", KRAKEN)
    two.trade("100.2", KRAKEN)
    began, ended = two.consolidator.take_contradictions()

    assert ("binance", LIVE) == two.shows()
    assert isinstance(began.between, Dispute)
    assert {("binance", Decimal(100)), ("kraken", Decimal(112))} == set(began.between.prices)
    assert DisputeRule.UNDECIDED is began.between.rule
    assert (None, True) == (ended.between, ended.is_dispute)


def test_what_was_contradicted_at_the_close_is_not_closed(two: Market) -> None:
    """Neither of two prices is that of the close, all night, until they agree."""
    two.set_health(HEALTHY, "finnhub")
    two.clock.now = datetime(2026, 3, 4, 20, 59, 55, tzinfo=UTC)
    two.trade("213.30", FINNHUB, "AAPL")
    two.trade("240", KRAKEN, "AAPL")
    two.clock.pass_seconds(10)
    two.review()
    evening = two.shows("AAPL")
    two.clock.pass_seconds(36_000)
    two.review()
    night = two.cache.get("AAPL")
    two.trade("213.5", KRAKEN, "AAPL")

    assert ("finnhub", STALE) == evening
    assert (STALE, CONTRADICTED) == (night.price_class, night.stale_reason)
    assert ("finnhub", CLOSED) == two.shows("AAPL")


@pytest.mark.parametrize(("seconds", "shown"), [(3, STALE), (1, CLOSED)])
def test_what_was_outside_its_book_at_the_close_is_not_closed(
    streaming: Market, seconds: float, shown: PriceClass
) -> None:
    """But a book that lagged for a moment before the close contradicts nothing."""
    streaming.set_health(HEALTHY, "finnhub")
    streaming.clock.now = datetime(2026, 3, 4, 21, 0, tzinfo=UTC) - timedelta(seconds=seconds)
    streaming.trade("200", FINNHUB, "AAPL")
    streaming.apply(book("213", "214"), source=FINNHUB, symbol="AAPL")
    for _ in range(round(2 * seconds)):
        streaming.review()
        streaming.clock.pass_seconds(0.5)
    streaming.clock.pass_seconds(10)
    streaming.review()

    assert ("finnhub", shown) == streaming.shows("AAPL")


def test_the_source_that_most_contradict_is_given_up(two: Market) -> None:
    """Of three the two that agree are right, also where the third one is preferred."""
    two.set_health(HEALTHY, "okx")
    two.trade("100")
    two.trade("112", KRAKEN)
    two.trade("112.1", OKX)
    two.review()

    assert ("kraken", LIVE) == two.shows()
    assert FailoverReason.CONTRADICTED is two.consolidator.take_failovers()[-1].reason


def test_a_source_that_stands_by_a_jump_contradicts_the_others(two: Market) -> None:
    """One outlier changes nothing; one that is not taken back for a while does."""
    two.trade("100")
    two.trade("100", KRAKEN)
    two.clock.pass_seconds(1)
    two.trade("112")
    two.review()
    before = two.shows()
    two.clock.pass_seconds(1)
    two.trade("112")
    two.trade("100", KRAKEN)
    two.clock.pass_seconds(0.5)
    two.review()

    assert ("binance", LIVE) == before
    assert STALE is two.cache.get("BTC").price_class
    assert CONTRADICTED is reason(two)


def test_a_source_whose_book_is_elsewhere_is_not_live(streaming: Market) -> None:
    """Trades at a price outside the source's own living book are contradicted by it."""
    for _ in range(4):
        streaming.trade("100")
        streaming.apply(book("102", "102.1"))
        streaming.clock.pass_seconds(1)
        streaming.review()

    assert ("binance", STALE) == streaming.shows()
    assert CONTRADICTED is reason(streaming)
    for _ in range(5):
        streaming.apply(book("99.9", "100.1"))
        streaming.review()
        streaming.clock.pass_seconds(1)
    assert ("binance", LIVE) == streaming.shows()


def test_a_source_that_is_not_live_itself_takes_no_outlier_in(two: Market) -> None:
    """Kraken's own book contradicts it, so nothing live would contradict Binance's jump."""
    for _ in range(4):
        two.trade("100")
        two.trade("100", KRAKEN)
        two.apply(book("103", "103.1"), source=KRAKEN)
        two.clock.pass_seconds(1)
        two.review()
    two.trade("150")
    two.clock.pass_seconds(1.6)
    two.review()

    assert ("binance", LIVE) == two.shows()
    assert Decimal(100) == two.cache.get("BTC").last


def test_a_book_that_has_stopped_does_not_contradict_trades(streaming: Market) -> None:
    """A book older than a trade far outside it is dropped."""
    streaming.trade("100")
    streaming.apply(book("99.9", "100.1"))
    for price in ("102", "104"):
        streaming.clock.pass_seconds(3)
        streaming.trade(price)
        streaming.review()

    assert ("binance", LIVE) == streaming.shows()
    assert None is streaming.cache.get("BTC").bid


def test_a_divergence_is_said_beside_the_price(two: Market) -> None:
    """Sources that are three percent apart stay live, and the quote says how far they are."""
    for second in range(60):
        two.trade("100" if second < 40 else "103")
        two.trade("100", KRAKEN)
        two.clock.pass_seconds(0.5)
        two.review()
        two.clock.pass_seconds(0.5)
        two.review()
    quote = two.cache.get("BTC")
    (contradiction,) = two.consolidator.take_contradictions()

    assert ("binance", LIVE) == two.shows()
    assert 0.03 == quote.divergence
    assert isinstance(contradiction.between, Divergence)
    assert not contradiction.is_dispute


def test_the_recovery_hold_grows_with_every_failure(two: Market) -> None:
    """A source that fails again and again stays away for longer and longer."""
    away = []
    for _ in range(4):
        two.set_health(HEALTHY)
        seconds = 0
        while two.shows() != ("binance", LIVE):
            two.clock.pass_seconds(1)
            two.trade("100")
            two.trade("100", KRAKEN)
            two.review()
            seconds += 1
        away.append(seconds)
        while two.shows() == ("binance", LIVE):
            two.clock.pass_seconds(1)
            two.trade("100", KRAKEN)
            two.review()

    assert [1, 11, 21, 41] == away


def test_a_day_high_is_not_below_the_price(streaming: Market) -> None:
    """A trade beyond the day's figures of its source is the new high or low."""
    streaming.apply(DAY)
    high = streaming.trade("104")
    low = streaming.trade("98")

    assert (Decimal(104), Decimal(99)) == (high.high, high.low)
    assert (Decimal(101), Decimal(98)) == (low.high, low.low)


def test_old_day_figures_and_books_are_dropped(streaming: Market) -> None:
    """Day figures last a quarter of an hour, a book a minute."""
    streaming.trade("100")
    streaming.apply(book("99.9", "100.1"))
    streaming.apply(DAY)
    streaming.clock.pass_seconds(61)
    streaming.trade("100")
    streaming.review()
    (minute,) = [streaming.cache.get("BTC")]
    streaming.clock.pass_seconds(15 * 60)
    streaming.trade("100")
    streaming.review()

    assert (None, Decimal(101)) == (minute.bid, minute.high)
    assert None is streaming.cache.get("BTC").high


@pytest.mark.parametrize("claim", [PriceClass.DELAYED, PriceClass.INDICATIVE])
def test_what_is_not_live_contradicts_nothing(streaming: Market, claim: PriceClass) -> None:
    """A delayed or asked price far from a live one leaves it live."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("112", Source("kraken", claim))
    streaming.trade("100")
    streaming.review()

    assert ("binance", LIVE) == streaming.shows()


def test_the_last_price_of_a_summary_replaces_trades_that_do_not_come(streaming: Market) -> None:
    """Where the channel of the trades is dead, the summary's last price is the price."""
    streaming.trade("100")
    summary = DayFigures(high=Decimal(105), last=Decimal("101.5"))
    streaming.clock.pass_seconds(1)
    soon = streaming.apply(summary)
    streaming.clock.pass_seconds(1)
    late = streaming.apply(summary)

    assert (Decimal(100), Decimal("101.5")) == (soon.last, late.last)
    assert ("binance", LIVE) == streaming.shows()
    assert (None, None) == (late.trade_id, late.last_size)


def test_a_summary_with_the_same_last_price_is_no_trade(streaming: Market) -> None:
    """It does not make an old trade young."""
    streaming.trade("100")
    for _ in range(3):
        streaming.clock.pass_seconds(4)
        streaming.apply(DayFigures(last=Decimal("100.0")))
    streaming.review()

    assert ("binance", STALE) == streaming.shows()


def test_reports_about_a_symbol_decide_nothing(two: Market) -> None:
    """Who asks for the sources' prices between two reviews begins and ends no dispute."""
    two.trade("100")
    two.trade("112", KRAKEN)
    two.consolidator.take_contradictions()
    two.clock.pass_seconds(11)
    two.consolidator.quotes_by_source("BTC")
    two.consolidator.standby("BTC")
    two.consolidator.explain("BTC")

    assert [] == two.consolidator.take_contradictions()
    two.review()
    assert 1 == len(two.consolidator.take_contradictions())
