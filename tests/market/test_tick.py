from decimal import Decimal
from typing import Any

import pytest

from omcrm.market.tick import DayFigures, TopOfBook, Trade
from omcrm.market.trade_condition import NOT_LAST
from tests.values import after, book, tick, trade


def test_a_tick_has_only_the_parts_it_was_given() -> None:
    """A tick of a trade has no book and no day figures."""
    trade_tick = tick(trade("61837.63"))

    assert (None, None) == (trade_tick.book, trade_tick.day)
    assert (None, None, None) == (trade_tick.trade.size, trade_tick.trade.id, trade_tick.trade.time)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Trade(Decimal(1)), "price"),
        (TopOfBook(Decimal(1), Decimal(2)), "bid"),
        (DayFigures(), "high"),
        (tick(trade("1")), "symbol"),
    ],
)
def test_ticks_and_their_parts_are_immutable(value: Any, field: str) -> None:
    """Setting a field of a tick or of one of its parts raises an error."""
    with pytest.raises(AttributeError):
        setattr(value, field, None)


def test_a_stamp_has_the_time_of_the_first_part_that_has_one() -> None:
    """The transit is from then to the receipt; without a time there is none."""
    both = tick(trade("1", 7), TopOfBook(Decimal(1), Decimal(2), time=after(-2))).stamp
    none = tick(book("1", "2")).stamp

    assert ((True, True, False), after(-2), 2.0, 7) == (
        both.parts,
        both.time,
        both.transit,
        both.trade_id,
    )
    assert (None, None, None) == (none.time, none.transit, none.trade_id)


def test_a_trade_that_does_not_set_the_last_price_has_no_time() -> None:
    """It may be reported long after it was made."""
    late = Trade(Decimal(1), time=after(-600), updates=NOT_LAST)

    assert tick(late).stamp.time is None


def test_stamps_of_a_repetition_are_alike() -> None:
    """Another price makes another stamp, although the time is the same."""
    prices = "1.0", "1.00", "1.1"
    first, again, other = (tick(trade(price, time=after(-2))).stamp for price in prices)

    assert first == again
    assert first != other
