from datetime import date
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from omcrm.feeds.providers.binance.history import BinanceHistory
from omcrm.market.daily_bar import DailyBar
from omcrm.market.price_class import PriceClass
from tests.feeds.providers.binance.samples import HISTORY
from tests.feeds.samples import FIRST, history_request


def test_the_days_are_asked_for_by_their_openings() -> None:
    """The call has the name in upper case and milliseconds of UTC."""
    (call,) = BinanceHistory("http://host").calls(history_request(HISTORY.name))
    asked = parse_qs(urlsplit(call.url).query)

    assert ["BTCUSDT"] == asked["symbol"]
    assert ["1767484800000"] == asked["startTime"]
    assert ["1767571200000"] == asked["endTime"]


def test_every_number_is_exact() -> None:
    """Each number is the decimal of its text, without trailing zeros."""
    provider = BinanceHistory("http://host")
    (call,) = provider.calls(history_request(HISTORY.name))
    (first, _) = provider.parse(call, HISTORY.days, history_request(HISTORY.name))

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
