from datetime import date
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from omcrm.feeds.histories.binance import BinanceHistory
from omcrm.market.daily_bar import DailyBar
from omcrm.market.price_class import PriceClass
from tests.feeds.past_days import DAYS, FIRST, past


def test_the_days_are_asked_for_by_their_openings() -> None:
    """In upper case and milliseconds of UTC."""
    (call,) = BinanceHistory("http://host").calls(past("binance"))
    asked = parse_qs(urlsplit(call.url).query)

    assert ["BTCUSDT"] == asked["symbol"]
    assert ["1767484800000"] == asked["startTime"]
    assert ["1767571200000"] == asked["endTime"]


def test_every_figure_is_exact() -> None:
    """As it was written, without zeros that say nothing."""
    provider = BinanceHistory("http://host")
    (call,) = provider.calls(past("binance"))
    (first, _) = provider.parse(call, DAYS["binance"], past("binance"))

    assert first == DailyBar(
        symbol="BTC",
        day=FIRST,
        source="binance",
        price_class=PriceClass.CLOSED,
        open=Decimal("91000.1"),
        high=Decimal(92000),
        low=Decimal(90000),
        close=Decimal("91501.2"),
        volume=Decimal("12.5"),
    )
    assert date(2026, 1, 4) == FIRST
