from datetime import date
from decimal import Decimal

import pytest

from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.price_class import PriceClass
from omcrm.market.source import SIMULATED, Source
from tests.values import BINANCE


def daily_bar(close: str, **figures: str) -> DailyBar:
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
def test_an_impossible_daily_bar_is_not_plausible(figures: dict[str, str], plausible: bool) -> None:
    """Prices must be above zero and within low and high; missing figures contradict nothing."""
    assert plausible is daily_bar(**figures).is_plausible


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (BINANCE, PriceClass.CLOSED),
        (Source("coingecko", PriceClass.INDICATIVE), PriceClass.INDICATIVE),
        (SIMULATED, PriceClass.SIMULATED),
    ],
)
def test_the_close_of_a_past_day_is_never_live(source: Source, expected: PriceClass) -> None:
    """The close of a live source is classed as closed, that of any other as its source."""
    assert expected is class_of_close(source)
