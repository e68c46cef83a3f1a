from decimal import Decimal

import pytest

from omcrm.market.comparison import Comparison, Dispute, DisputeRule, frozen_sources
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.source_quote import SourceQuote
from tests.values import after, source_quote, tick, trade

BOUND = Decimal("0.05")


def live(**prices: float) -> dict[str, SourceQuote]:
    """The last price of each source."""
    return {
        name: source_quote(trade(str(price)), source=Source(name, PriceClass.LIVE))
        for name, price in prices.items()
    }


def dispute(**prices: float) -> Dispute | None:
    return Comparison().dispute(live(**prices), BOUND)


@pytest.mark.parametrize(
    "prices", [{"a": 100}, {"a": 100, "b": 105}, {"a": 100, "b": 104.9, "c": 109}]
)
def test_sources_within_the_bound_have_no_dispute(prices: dict[str, float]) -> None:
    """A source in the middle agrees with both of its neighbours."""
    assert None is dispute(**prices)


@pytest.mark.parametrize(
    ("prices", "rule", "contradicted"),
    [
        ({"a": 100, "b": 105.1}, DisputeRule.UNDECIDED, {"a", "b"}),
        ({"a": 100, "b": 112, "c": 101}, DisputeRule.MAJORITY, {"b"}),
        ({"a": 100, "b": 112, "c": 130}, DisputeRule.UNDECIDED, {"a", "b", "c"}),
        ({"a": 100, "b": 101, "c": 130, "d": 131}, DisputeRule.UNDECIDED, {"a", "b", "c", "d"}),
        ({"a": 100, "b": 101, "c": 102, "d": 131}, DisputeRule.MAJORITY, {"d"}),
    ],
)
def test_most_sources_decide(
    prices: dict[str, float], rule: DisputeRule, contradicted: set[str]
) -> None:
    """More than half of the live sources that agree are right; without them none is live."""
    decided = dispute(**prices)

    assert decided is not None
    assert (rule, contradicted) == (decided.rule, set(decided.contradicted))
    assert {name: Decimal(price) for name, price in decided.prices} == {
        name: Decimal(str(price)) for name, price in prices.items()
    }


class Pair:
    """Two sources: one may stand still while the other moves."""

    def __init__(self) -> None:
        self.comparison = Comparison()
        self.sources = live(a=100, b=100)

    def pass_second(self, second: int, **prices: str) -> None:
        """Every source trades ten times, and both are compared."""
        for name, price in prices.items():
            for part in range(10):
                new = tick(
                    trade(price), source=self.sources[name].source, at=after(second + part / 10)
                )
                self.sources[name] = SourceQuote.merge(new, self.sources[name])
        self.comparison.note(self.sources, BOUND, after(second))

    def rule(self, *frozen: str) -> tuple[DisputeRule, set[str]]:
        """The rule that decides where these stand still with all their symbols."""
        dispute = self.comparison.dispute(self.sources, BOUND, frozen)
        assert dispute is not None
        return dispute.rule, set(dispute.contradicted)


def test_a_price_that_stands_still_with_all_others_of_its_source_is_wrong() -> None:
    """A market may well stand still while a source walks off; all markets of a source do not."""
    pair = Pair()
    pair.pass_second(0, a="100", b="100")
    for second in range(1, 13):
        pair.pass_second(second, a="100", b=str(100 + second))

    assert (DisputeRule.UNDECIDED, {"a", "b"}) == pair.rule()
    assert (DisputeRule.FROZEN, {"a"}) == pair.rule("a")


def standing_still(moves: int = 4) -> Comparison:
    """A symbol that stands still at one source and has moved so often at the other one."""
    pair = Pair()
    pair.pass_second(0, a="100", b="100")
    for second in range(1, 13):
        pair.pass_second(second, a="100", b=str(100 + min(second, moves)))
    return pair.comparison


def test_a_source_is_frozen_that_stands_still_with_all_of_three_symbols() -> None:
    """Not one with fewer, nor one that moves anywhere, nor where nobody else moves."""
    moving = Pair()
    moving.pass_second(0, a="50")

    assert {"a"} == frozen_sources(standing_still() for _ in range(3))
    assert set() == frozen_sources(standing_still() for _ in range(2))
    assert set() == frozen_sources([*(standing_still() for _ in range(3)), moving.comparison])
    assert set() == frozen_sources(standing_still(moves=3) for _ in range(3))


@pytest.mark.parametrize("moves", [{3}, {3, 7}])
def test_a_price_that_moved_is_not_frozen(moves: set[int]) -> None:
    """Where both have moved since they agreed, neither is live."""
    pair = Pair()
    pair.pass_second(0, a="100", b="100")
    for second in range(1, 13):
        pair.pass_second(second, a="99.99" if second in moves else "100", b=str(100 + second))

    assert (DisputeRule.UNDECIDED, {"a", "b"}) == pair.rule("a", "b")


def test_one_jump_is_no_movement() -> None:
    """A source that went far in one step does not show that the other one stands still."""
    pair = Pair()
    pair.pass_second(0, a="100", b="100")
    for second in range(1, 13):
        pair.pass_second(second, a="100", b="112")

    assert (DisputeRule.UNDECIDED, {"a", "b"}) == pair.rule("a", "b")


def test_sources_that_never_agreed_are_not_decided() -> None:
    """Without a time at which both agreed, standing still shows nothing."""
    pair = Pair()
    for second in range(20):
        pair.pass_second(second, a="100", b=str(110 + second))

    assert (DisputeRule.UNDECIDED, {"a", "b"}) == pair.rule("a", "b")


def apart(comparison: Comparison, reviews: range, price: float) -> list[bool]:
    """Whether a divergence is reported at each review, two a second."""
    sources = live(a=100, b=price)
    return [comparison.note(sources, BOUND, after(review / 2)) is not None for review in reviews]


def test_a_divergence_far_beyond_the_usual_one_is_reported_once_it_lasts() -> None:
    """Three percent where 0.1 is usual, for two seconds; until it is over."""
    comparison = Comparison()
    usual = apart(comparison, range(60), 100.1)
    began = apart(comparison, range(60, 66), 103)
    (divergence,) = {comparison.note(live(a=100, b=103), BOUND, after(33))}

    assert not any(usual)
    assert [False] * 4 + [True] * 2 == began
    assert divergence is not None
    assert (0.03, 0.001) == (round(divergence.apart, 4), round(divergence.usual, 4))
    assert 0.03 == divergence.apart_from("a") == divergence.apart_from("b")
    assert None is divergence.apart_from("c")
    assert not any(apart(comparison, range(68, 80), 100.1))


def test_what_was_apart_from_the_start_is_not_usual() -> None:
    """Sources that are three percent apart since they began are reported as well."""
    assert apart(Comparison(), range(80), 103)[-1]


def test_a_small_divergence_is_not_reported() -> None:
    """Half a percent is within what venues differ, however little they usually do."""
    comparison = Comparison()
    apart(comparison, range(60), 100)

    assert not any(apart(comparison, range(60, 90), 100.49))
