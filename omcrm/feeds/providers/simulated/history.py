"""The built-in exchange's daily bars, in Binance's HTTP format."""

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.providers.binance.history import BinanceHistory
from omcrm.feeds.providers.simulated import HISTORY


def create(settings: FeedSettings) -> BinanceHistory:
    """The history of a demo installation, at the address of its WebSocket."""
    url = settings.urls[HISTORY.address].replace("ws://", "http://", 1)
    return BinanceHistory(url, HISTORY.source)
