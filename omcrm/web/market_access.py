"""Access to the running market-data system for the rooms below the desk."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from flask import current_app

from omcrm.engine.bus import Bus, Holdings
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import Hub, QuoteCache
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.status import FeedStatus
from omcrm.market.bar import BarBuilder
from omcrm.market.instrument import Instrument
from omcrm.storage.instrument import active_instruments
from omcrm.storage.portfolio import held_symbols
from omcrm.streaming.fanout import FanOut

MARKET = "omcrm.manager"


class MarketAccess(Protocol):
    """The interface of the market-data system, which the desk assembles."""

    cache: QuoteCache
    engine: FeedEngine
    bus: Bus
    hub: Hub
    bars: BarBuilder
    fanout: FanOut
    news: NewsCollector
    instruments: Mapping[str, Instrument]
    since: datetime | None

    @property
    def running(self) -> bool:
        """Whether the feeds are started."""

    def follow(self, instruments: list[Instrument]) -> None:
        """Subscribe to these instruments, and to no others."""

    def start(self) -> str:
        """Connect the feeds: `started` or `already_running`."""

    def stop(self) -> str:
        """End all connections: `stopped` or `already_stopped`."""

    def status(self) -> Mapping[str, FeedStatus]:
        """The status of every source."""


def market() -> MarketAccess:
    """The market-data system of this app, with its catalogue loaded."""
    manager: MarketAccess = current_app.extensions[MARKET]
    if not manager.instruments:
        manager.bus.publish(Holdings(held_symbols()))
        manager.follow(active_instruments())
    return manager
