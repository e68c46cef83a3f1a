from decimal import Decimal

from omcrm.feeds.providers.coinbase.history import CoinbaseHistory
from omcrm.market.daily_bar import DailyBar
from tests.feeds.providers.coinbase.samples import HISTORY
from tests.feeds.samples import history_request


def test_the_low_comes_before_the_high() -> None:
    """Its rows have low, high, open, close, volume."""
    provider = CoinbaseHistory("http://host")
    (call,) = provider.calls(history_request(HISTORY.name))
    first = min(
        provider.parse(call, HISTORY.days, history_request(HISTORY.name)), key=lambda day: day.day
    )

    assert call.url.startswith("http://host/products/BTC-USD/candles?granularity=86400&start=2026-")
    assert isinstance(first, DailyBar)
    assert (Decimal("91000.1"), Decimal("92000.0"), Decimal(90000), Decimal("91501.2")) == (
        first.open,
        first.high,
        first.low,
        first.close,
    )
