"""Puts feed engine, market view and bus together, and starts and stops them."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from omcrm.engine.bus import Bus, LocalBus
from omcrm.engine.engine_lock import EngineLock
from omcrm.engine.feed_engine import FeedEngine, system_clock
from omcrm.engine.market_view import MarketView
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.catalogue import names_by_group
from omcrm.market.clock import Clock
from omcrm.market.instrument import Instrument


class RealTimeDataManager:
    """The market-data system of one process: an engine, a view, and the bus between them.

    Of several processes on one bus, only the engine of one runs: the one with the `lock`.

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
        bus: Bus | None = None,
        lock: EngineLock | None = None,
    ) -> None:
        self.bus: Bus = bus or LocalBus()
        news = news or NewsCollector((), 0.0, clock)
        self.view = MarketView(self.bus, window, news)
        # On a bus each process that serves reads the news itself, whoever runs the feeds.
        own_news = news if bus is None else None
        self.engine = FeedEngine(
            self.bus, settings, clock, timing, state, polling, recorder, own_news, lock
        )
        self._lock = threading.Lock()
        # The names that programs know, each of the part that it belongs to.
        self.status, self.feeds = self.engine.status, self.engine.feeds
        self.cache, self.hub = self.view.cache, self.view.hub
        self.bars, self.fanout = self.view.bars, self.view.fanout
        self.add_callback, self.remove_callback = self.hub.subscribe, self.hub.unsubscribe

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Follow these instruments, and no others, from now on; also while running."""
        followed = list(instruments)
        with self._lock:
            known = self.instruments.keys()
            self.view.follow(followed)
            self.engine.follow(followed)
            is_more = bool(self.instruments.keys() - known)
        if is_more:
            # Quotes of the new ones may have come before.
            self.bus.read_again()

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What is followed, by symbol."""
        return self.view.instruments

    @property
    def instrument_mapping(self) -> dict[str, dict[str, str]]:
        """Each group's symbols with the name that their first real source knows them by."""
        return names_by_group(self.instruments.values())

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run."""
        return self.engine.running

    def start(self) -> Literal["started", "already_running", "not_allowed"]:
        """Connect the feeds, in the background."""
        with self._lock:
            self.view.start()
            return self.engine.start()

    def stop(self) -> Literal["stopped", "already_stopped"]:
        """End all connections and wait until their threads are gone."""
        with self._lock:
            outcome = self.engine.stop()
            self.view.stop()
            return outcome
