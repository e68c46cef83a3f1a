from datetime import date
from decimal import Decimal

import pytest

from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.price_class import PriceClass
from omcrm.market.source import SIMULATED, Source
from tests.values import BINANCE


def candle(close: str, **figures: str) -> DailyBar:
    given = {name: Decimal(value) for name, value in figures.items()}
    return DailyBar(
        symbol="BTC",
        day=date(2026, 3, 3),
        source="binance",
        price_class=PriceClass.CLOSED,
        close=Decimal(close),
        **given,
    )


@pytest.mark.parametrize(
    ("figures", "plausible"),
    [
        ({"close": "2"}, True),
        ({"close": "2", "open": "1", "high": "3", "low": "0.5", "volume": "0"}, True),
        ({"close": "2", "open": "1", "high": "2", "low": "1"}, True),
        ({"close": "0"}, False),
        ({"close": "-1"}, False),
        ({"close": "NaN"}, False),
        ({"close": "Infinity"}, False),
        ({"close": "2", "open": "0"}, False),
        ({"close": "2", "high": "1.9"}, False),
        ({"close": "2", "low": "2.1"}, False),
        ({"close": "2", "open": "3", "high": "2.5"}, False),
        ({"close": "2", "volume": "-1"}, False),
        ({"close": "2", "volume": "sNaN"}, False),
    ],
)
def test_a_day_that_cannot_have_been_is_not_believed(
    figures: dict[str, str], plausible: bool
) -> None:
    """Prices are above zero and lie between low and high; what is not told is no contradiction."""
    assert plausible is candle(**figures).is_plausible


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (BINANCE, PriceClass.CLOSED),
        (Source("coingecko", PriceClass.INDICATIVE), PriceClass.INDICATIVE),
        (SIMULATED, PriceClass.SIMULATED),
    ],
)
def test_no_close_is_live(source: Source, expected: PriceClass) -> None:
    """The best that a past day's price can be is the market's close."""
    assert expected is class_of_close(source)
