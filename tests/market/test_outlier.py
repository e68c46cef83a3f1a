"""A trade far outside its own source's book needs another one."""

from decimal import Decimal

import pytest

from omcrm.market.outlier import LoneTrades
from omcrm.market.tick import TopOfBook, Trade
from tests.market.validated import POLICY
from tests.values import KRAKEN, after, book, source_quote, tick, trade

HELD = source_quote(trade("100"), book("99.9", "100.1"))


@pytest.fixture
def lone() -> LoneTrades:
    """Knows of no trade yet."""
    return LoneTrades()


def is_lone(lone: LoneTrades, second: float, *parts: Trade | TopOfBook, **details: object) -> bool:
    return lone.is_lone(tick(*parts, at=after(second), **details), HELD, [], POLICY)


def test_a_trade_far_outside_its_book_is_lone_for_half_a_second(lone: LoneTrades) -> None:
    """Then another one near it confirms it; fills of the same moment do not."""
    results = [is_lone(lone, second, trade("106")) for second in (1, 1, 1.4, 1.5)]

    assert [True, True, True, False] == results


@pytest.mark.parametrize("between", ["100", "94"])
def test_a_trade_elsewhere_confirms_nothing(lone: LoneTrades, between: str) -> None:
    """Neither one near the book, nor another one far from it on its other side."""
    is_lone(lone, 1, trade("106"))
    is_lone(lone, 1.2, trade(between))

    assert is_lone(lone, 1.6, trade("106"))


@pytest.mark.parametrize("price", ["95.2", "99.95", "105"])
def test_a_trade_at_most_the_bound_outside_is_not_lone(lone: LoneTrades, price: str) -> None:
    """The bound is that at which sources contradict each other, five percent."""
    assert not is_lone(lone, 1, trade(price))


def test_an_old_book_or_none_says_nothing(lone: LoneTrades) -> None:
    """It counts for two seconds."""
    assert not is_lone(lone, 2.1, trade("106"))
    assert not lone.is_lone(tick(trade("106")), None, [], POLICY)
    assert not lone.is_lone(tick(trade("106")), source_quote(trade("100")), [], POLICY)


def test_a_book_in_the_same_tick_counts(lone: LoneTrades) -> None:
    """Instead of the one before, and for a trade only."""
    assert not is_lone(lone, 1, trade("106"), book("105.9", "106.1"))
    assert is_lone(lone, 1, trade("106"), book("99.9", "100.1"))
    assert not is_lone(lone, 1, book("99.9", "100.1"))


def test_sources_do_not_confirm_their_trades_for_each_other_by_being_lone(
    lone: LoneTrades,
) -> None:
    """Only a peer's last price does."""
    is_lone(lone, 1, trade("106"))
    there = source_quote(Trade(Decimal("105.5")), source=KRAKEN)
    far = tick(trade("106"), at=after(1.1))

    assert is_lone(lone, 1.6, trade("106"), source=KRAKEN)
    assert not lone.is_lone(far, HELD, [there], POLICY)
