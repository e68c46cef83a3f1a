"""Assembles feeds, gate, cache and hub, and starts and stops them."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal

from omcrm.feeds.registry import STATIC, STREAMS, FeedSettings
from omcrm.feeds.status import FeedState, FeedStatus
from omcrm.feeds.supervisor import Pace, Reports, Supervisor
from omcrm.market.cache import QuoteCache
from omcrm.market.candle import CandleBook
from omcrm.market.clock import Clock
from omcrm.market.gate import Gate
from omcrm.market.hub import Hub, Listener
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.session import is_open
from omcrm.market.source import SIMULATED, Condition
from omcrm.market.tick import Tick
from omcrm.streaming.fanout import FanOut
from omcrm.streaming.price_update import is_alike

_log = logging.getLogger(__name__)

# How often time alone may change a price's class.
_REVIEW_EVERY = 0.5
# After its start a feed gets so long before its absence counts as a failure.
_GRACE = 30.0


def system_clock() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)


class RealTimeDataManager:
    """The market-data system of one process.

    Thread-safe: starting or stopping twice is harmless. The fan-out tells subscribers at most one
    quote per symbol and `window` seconds; callbacks get every quote.
    """

    def __init__(
        self,
        settings: FeedSettings,
        window: float = 0.1,
        clock: Clock = system_clock,
        pace: Pace | None = None,
    ) -> None:
        self.gate = Gate()
        self.cache = QuoteCache(clock, self.gate)
        self.hub = Hub()
        self.candles = CandleBook()
        self.fanout = FanOut(window, is_alike)
        self.instruments: dict[str, Instrument] = {}
        self.since: datetime | None = None
        self._clock = clock
        self._switch = threading.Lock()
        self._stopped = threading.Event()
        self._reviewer: threading.Thread | None = None
        self._started_at = 0.0
        self._status_callbacks: tuple[Callable[[], None], ...] = ()
        reports = Reports(self._take, self._note_condition, self._note_change)
        providers = {name: make(settings) for name, make in STREAMS.items()}
        self._feeds = {
            name: Supervisor(provider, reports, clock, pace) if provider else None
            for name, provider in providers.items()
        }
        self.hub.listen(self.candles.take)
        self.hub.listen(self.fanout.take)

    # What is followed

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Follow these instruments, and no others, from now on; also while running."""
        with self._switch:
            wanted = {each.symbol: each for each in instruments}
            gone = self.instruments.keys() - wanted.keys()
            self.instruments = wanted
            self.cache.follow(wanted.values())
            self.candles.forget(gone)
            self.fanout.forget(gone)
            for feed in self._running_feeds():
                self._aim(feed)
            if self.running:
                self._offer_static()

    @property
    def instrument_mapping(self) -> dict[str, dict[str, str]]:
        """Each group's symbols with the name that their first real source knows them by."""
        mapping: dict[str, dict[str, str]] = {each.group: {} for each in AssetClass}
        for each in self.instruments.values():
            named = [
                each.provider_symbols[source]
                for source in POLICIES[each.asset_class].sources
                if source in each.provider_symbols and source != SIMULATED.name
            ]
            mapping[each.asset_class.group][each.symbol] = named[0] if named else each.symbol
        return mapping

    # Starting and stopping

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run."""
        return self._reviewer is not None

    def start(self) -> Literal["started", "already_running"]:
        """Connect the feeds, in the background."""
        with self._switch:
            if self.running:
                return "already_running"
            self._stopped.clear()
            self.since, self._started_at = self._clock(), time.monotonic()
            self.fanout.start()
            self._reviewer = threading.Thread(target=self._review, name="reviewer", daemon=True)
            for feed in self._running_feeds():
                self._aim(feed)
                feed.start()
            self._offer_static()
            self._reviewer.start()
            return "started"

    def stop(self) -> Literal["stopped", "already_stopped"]:
        """End all connections and wait until their threads are gone."""
        with self._switch:
            reviewer = self._reviewer
            if reviewer is None:
                return "already_stopped"
            self._stopped.set()
            for feed in self._running_feeds():
                feed.begin_stop()
            for feed in self._running_feeds():
                feed.stop()
            reviewer.join()
            self.fanout.stop()
            self._reviewer, self.since = None, None
        self._note_change()
        return "stopped"

    def _running_feeds(self) -> list[Supervisor]:
        return [feed for feed in self._feeds.values() if feed is not None]

    def _aim(self, feed: Supervisor) -> None:
        followed = [
            each for each in self.instruments.values() if feed.name in each.provider_symbols
        ]
        classes = {each.asset_class for each in followed}
        always = feed.name == SIMULATED.name
        feed.follow(
            {each.provider_symbols[feed.name]: each.symbol for each in followed},
            lambda: always or any(is_open(each, self._clock()) for each in classes),
        )

    def _offer_static(self) -> None:
        for make in STATIC.values():
            for tick in make(self.instruments.values(), self._clock()):
                self._take(tick)

    # The path of a price

    def _take(self, tick: Tick) -> None:
        quote = self.cache.offer(tick)
        if quote is not None:
            self.hub.publish(quote)

    def _note_condition(self, source: str, condition: Condition, connection: int) -> None:
        for quote in self.cache.set_condition(source, condition, connection):
            self.hub.publish(quote)

    def _review(self) -> None:
        while not self._stopped.wait(_REVIEW_EVERY):
            try:
                for quote in self.cache.review():
                    self.hub.publish(quote)
            except Exception:
                _log.exception("reviewing the quotes failed")

    # Who is told

    def add_callback(self, callback: Listener) -> None:
        """Call `callback` with every quote, in the thread that made it."""
        self.hub.listen(callback)

    def remove_callback(self, callback: Listener) -> None:
        """Call it no more."""
        self.hub.leave(callback)

    def add_status_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the state of a feed changes."""
        self._status_callbacks = (*self._status_callbacks, callback)

    def _note_change(self, source: str = "") -> None:
        for callback in self._status_callbacks:
            try:
                callback()
            except Exception:
                _log.exception("telling about a change of %s failed", source or "the feeds")

    # How it is doing

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source; the built-in exchange only where there is one."""
        off = FeedStatus(state=FeedState.OFF, active=False, type="websocket")
        return {
            name: feed.status() if feed else off
            for name, feed in self._feeds.items()
            if feed or name != SIMULATED.name
        }

    def failure(self) -> str | None:
        """Why no price can be expected; None where all is well, or the feeds need not run."""
        if not self.running or time.monotonic() - self._started_at < _GRACE:
            return None
        if any(feed.status().active for feed in self._running_feeds()):
            return None
        return "no source is streaming"
