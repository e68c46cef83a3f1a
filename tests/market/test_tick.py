from decimal import Decimal
from typing import Any

import pytest

from omcrm.market.tick import DayFigures, TopOfBook, Trade
from tests.values import tick, trade


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
