"""The built-in exchange's stream, in Binance's wire format."""

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.providers.binance import STREAMS
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.providers.simulated import STREAM


def create(settings: FeedSettings) -> Binance:
    """The provider of a demo installation; its prices are labelled `simulated`."""
    return Binance(settings.urls[STREAM.source.name], STREAMS.default, STREAM.source)
