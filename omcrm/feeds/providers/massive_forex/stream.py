"""Massive's currencies over WebSocket: quotes of banks, without trades and sizes.

https://massive.com/docs/websocket/forex/quotes
"""

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import StreamProvider
from omcrm.feeds.providers.massive.stream import Massive
from omcrm.feeds.providers.massive_forex import STREAM


class MassiveForex(Massive):
    """Names are pairs like EUR/USD; the channel follows from the address, as for all clusters."""

    stream = STREAM


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return MassiveForex(settings.urls[STREAM.source.name], settings.keys)
