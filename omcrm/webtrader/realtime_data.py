"""Puts feed engine, market view and bus together, and starts and stops them."""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from omcrm.engine.bus import Bus, FeedChanged, FeedEvents, LocalBus
from omcrm.engine.feed_engine import FeedEngine, system_clock
from omcrm.engine.market_view import Hub, Listener, MarketView, QuoteCache
from omcrm.feeds.feed_set import Feed
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.poller import Polling
from omcrm.feeds.quota import BudgetUse
from omcrm.feeds.registry import FeedSettings
from omcrm.feeds.status import FeedStatus
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.bar import BarBuilder
from omcrm.market.clock import Clock
from omcrm.market.feed_event import FeedEvent
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.source import SIMULATED
from omcrm.streaming.fanout import FanOut


class RealTimeDataManager:
    """The market-data system of one process: an engine, a view, and the bus between them.

    Thread-safe: starting or stopping twice is harmless. Callbacks get every quote; the fan-out
    sends at most one per symbol and `window` seconds.
    """

    def __init__(
        self,
        settings: FeedSettings,
        window: float = 0.1,
        clock: Clock = system_clock,
        timing: SupervisorTiming | None = None,
        state: Path | None = None,
        polling: Polling | None = None,
        recorder: Callable[[str, bytes], None] | None = None,
        news: NewsCollector | None = None,
    ) -> None:
        self.bus: Bus = LocalBus()
        self.view = MarketView(self.bus, window)
        self.engine = FeedEngine(self.bus, settings, clock, timing, state, polling, recorder)
        self.news = news or NewsCollector((), 0.0, clock)
        self._lock = threading.Lock()

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Follow these instruments, and no others, from now on; also while running."""
        followed = list(instruments)
        with self._lock:
            self.view.follow(followed)
            self.engine.follow(followed)
            self.news.follow(followed)

    def start(self) -> Literal["started", "already_running"]:
        """Connect the feeds, in the background."""
        with self._lock:
            self.view.start()
            outcome = self.engine.start()
            self.news.start()
            return outcome

    def stop(self) -> Literal["stopped", "already_stopped"]:
        """End all connections and wait until their threads are gone."""
        with self._lock:
            self.news.begin_stop()
            outcome = self.engine.stop()
            self.news.stop()
            self.view.stop()
            return outcome

    # The engine's side

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run."""
        return self.engine.running

    @property
    def since(self) -> datetime | None:
        """When the feeds were started."""
        return self.engine.since

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source; the simulator only where there is one."""
        return self.engine.status()

    def feeds(self) -> Mapping[str, Feed]:
        """What keeps each source alive, or asks it, by the source's name."""
        return self.engine.feeds()

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of the polled sources stand."""
        return self.engine.uses()

    def failure(self) -> str | None:
        """Why no price can be expected; None where all is well, or the feeds need not run."""
        return self.engine.failure()

    # The view's side

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What is followed, by symbol."""
        return self.view.instruments

    @property
    def cache(self) -> QuoteCache:
        """The newest quote of each symbol."""
        return self.view.cache

    @property
    def hub(self) -> Hub:
        """Passes every quote on."""
        return self.view.hub

    @property
    def bars(self) -> BarBuilder:
        """The bars of every symbol and source."""
        return self.view.bars

    @property
    def fanout(self) -> FanOut:
        """Sends quotes to subscribers."""
        return self.view.fanout

    @property
    def instrument_mapping(self) -> dict[str, dict[str, str]]:
        """Each group's symbols with the name that their first real source knows them by."""
        mapping: dict[str, dict[str, str]] = {asset_class.group: {} for asset_class in AssetClass}
        for instrument in self.instruments.values():
            named = [
                instrument.provider_symbols[source]
                for source in POLICIES[instrument.asset_class].sources
                if source in instrument.provider_symbols and source != SIMULATED.name
            ]
            mapping[instrument.asset_class.group][instrument.symbol] = (
                named[0] if named else instrument.symbol
            )
        return mapping

    # Callbacks

    def add_callback(self, callback: Listener) -> None:
        """Call `callback` with every quote, in the thread that made it."""
        self.hub.subscribe(callback)

    def remove_callback(self, callback: Listener) -> None:
        """Do not call it any more."""
        self.hub.unsubscribe(callback)

    def add_status_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the state of a feed changes."""
        self.bus.subscribe(FeedChanged, lambda _: callback())

    def add_event_callback(self, callback: Callable[[list[FeedEvent]], None]) -> None:
        """Call `callback` with the events of the feeds, about twice a second at most."""
        self.bus.subscribe(FeedEvents, lambda message: callback(list(message.events)))
