from decimal import Decimal
from typing import Any

import pytest

from omcrm.market.tick import DayFigures, TopOfBook, Trade
from tests.values import tick, trade


def test_says_only_what_the_upstream_said() -> None:
    """A tick of a trade knows nothing of the book or the day."""
    news = tick(trade("61837.63"))

    assert (None, None) == (news.book, news.day)
    assert (None, None, None) == (news.trade.size, news.trade.id, news.trade.time)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Trade(Decimal(1)), "price"),
        (TopOfBook(Decimal(1), Decimal(2)), "bid"),
        (DayFigures(), "high"),
        (tick(trade("1")), "symbol"),
    ],
)
def test_cannot_be_altered(value: Any, field: str) -> None:
    """What travels between threads stays as it was made."""
    with pytest.raises(AttributeError):
        setattr(value, field, None)
