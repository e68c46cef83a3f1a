"""Assembles feeds, consolidator, cache and hub, and starts and stops them."""

import logging
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from omcrm.feeds.event_log import EventLog
from omcrm.feeds.feed_set import Feed, FeedActivity, FeedSet
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.poller import Polling
from omcrm.feeds.quota import BudgetUse
from omcrm.feeds.registry import STATIC, FeedSettings
from omcrm.feeds.status import FeedStatus
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.bar import BarBuilder
from omcrm.market.clock import Clock
from omcrm.market.consolidator import Consolidator
from omcrm.market.feed_event import FeedEvent
from omcrm.market.hub import Hub, Listener
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.quote import Quote
from omcrm.market.quote_cache import QuoteCache
from omcrm.market.session import is_open
from omcrm.market.source import SIMULATED, HealthState
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from omcrm.streaming.fanout import FanOut
from omcrm.streaming.price_update import is_alike

_log = logging.getLogger(__name__)

# How often time alone may change a price's class.
_REVIEW_EVERY = 0.5
# The next look, and a little more: this thread may be late.
_AHEAD = timedelta(seconds=_REVIEW_EVERY + 0.25)
# After its start a feed gets so long before its absence counts as a failure.
_GRACE = 30.0


def system_clock() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)


class RealTimeDataManager:
    """The market-data system of one process.

    Thread-safe: starting or stopping twice is harmless. The fan-out tells subscribers at most one
    quote per symbol and `window` seconds; callbacks get every quote. In the folder `state` calls
    are counted and keys shared with the other processes of this machine.
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
        self.validator = Validator()
        self.consolidator = Consolidator(clock, self.validator)
        self.cache = QuoteCache()
        self.hub = Hub()
        self.bars = BarBuilder()
        self.fanout = FanOut(window, is_alike)
        self.news = news or NewsCollector((), 0.0, clock)
        self.instruments: dict[str, Instrument] = {}
        self.since: datetime | None = None
        self.reviewed_at: datetime | None = None
        # What is in somebody's portfolio: asked for as if somebody watched it.
        self.held: frozenset[str] = frozenset()
        self._clock = clock
        self._switch = threading.Lock()
        self._stopped = threading.Event()
        self._reviewer: threading.Thread | None = None
        self._teller: threading.Thread | None = None
        self._started_at = 0.0
        self._status_callbacks: tuple[Callable[[], None], ...] = ()
        reports = FeedCallbacks(self._take, self._note_condition, self._note_change, recorder)
        # Without a folder of the machine's own, calls are counted for this process alone.
        folder = state or Path(tempfile.gettempdir()) / f"omcrm-feeds-{os.getpid()}"
        self._feed_clock = (timing or SupervisorTiming()).feed_clock
        self._feed_set = FeedSet(settings, reports, clock, folder, self._urgency, timing, polling)
        self.events = EventLog(settings.keys.hide)
        self._activity = FeedActivity()
        self._heard: Counter[str] = Counter()
        self._event_callbacks: tuple[Callable[[list[FeedEvent]], None], ...] = ()
        self.hub.subscribe(self.bars.take)
        self.hub.subscribe(self.fanout.take)

    # What is followed

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Follow these instruments, and no others, from now on; also while running."""
        with self._switch:
            wanted = {instrument.symbol: instrument for instrument in instruments}
            gone = self.instruments.keys() - wanted.keys()
            self.instruments = wanted
            self.consolidator.follow(wanted.values())
            self.cache.forget(gone)
            self.bars.forget(gone)
            self.fanout.forget(gone)
            self.news.follow(wanted.values())
            for feed in self._feed_set.feeds.values():
                self._aim(feed)
            if self.running:
                self._offer_static()

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
            self.since, self._started_at = self._clock(), self._feed_clock.now()
            self.fanout.start()
            self._reviewer = threading.Thread(target=self._review, name="reviewer", daemon=True)
            self._teller = threading.Thread(target=self._tell, name="feed-events", daemon=True)
            for feed in self._feed_set.feeds.values():
                self._aim(feed)
            self._feed_set.start()
            self.news.start()
            self._offer_static()
            self._reviewer.start()
            self._teller.start()
            return "started"

    def stop(self) -> Literal["stopped", "already_stopped"]:
        """End all connections and wait until their threads are gone."""
        with self._switch:
            reviewer, teller = self._reviewer, self._teller
            if reviewer is None or teller is None:
                return "already_stopped"
            self._stopped.set()
            self.news.begin_stop()
            self._feed_set.stop()
            self.news.stop()
            reviewer.join()
            teller.join()
            self._tell_events()
            self.fanout.stop()
            self._reviewer, self._teller, self.since = None, None, None
        self._note_change()
        return "stopped"

    def _aim(self, feed: Feed) -> None:
        followed = [
            instrument
            for instrument in self.instruments.values()
            if feed.name in instrument.provider_symbols
        ]
        classes = {instrument.asset_class for instrument in followed}
        others = {name for asset_class in classes for name in POLICIES[asset_class].sources} - {
            feed.name
        }
        always = feed.name == SIMULATED.name
        feed.follow(
            {instrument.provider_symbols[feed.name]: instrument.symbol for instrument in followed},
            lambda: always or any(is_open(asset_class, self._clock()) for asset_class in classes),
            lambda: sum(self._heard[name] for name in others),
        )

    def _urgency(self, source: str, symbol: str) -> int:
        """How urgently a source that is asked should be asked for a symbol: 0 not at all."""
        if self.consolidator.has_better(symbol, source):
            return 0
        return 2 if symbol in self.held or self.fanout.is_watched(symbol) else 1

    def _offer_static(self) -> None:
        for make in STATIC.values():
            for tick in make(self.instruments.values(), self._clock()):
                self._take(tick)

    # The path of a price

    def _take(self, tick: Tick) -> None:
        self._heard[tick.source.name] += 1
        quote = self.consolidator.apply(tick, _AHEAD)
        if quote is not None:
            self.publish(quote)

    def publish(self, quote: Quote) -> None:
        """Hold a quote, and pass it on; one that is older than the held one goes no further."""
        if not self.cache.put(quote):
            return
        if quote.symbol in self.instruments:
            self.hub.publish(quote)
        else:
            # It was made before its symbol ceased to be followed.
            self.cache.forget([quote.symbol])

    def _note_condition(self, source: str, condition: HealthState, connection: int) -> None:
        for quote in self.consolidator.set_health(source, condition, connection):
            self.publish(quote)

    def _review(self) -> None:
        while not self._feed_clock.wait(self._stopped, _REVIEW_EVERY):
            try:
                began = self._clock()
                for quote in self.consolidator.review(_AHEAD):
                    self.publish(quote)
                self.reviewed_at = began
            except Exception:
                _log.exception("reviewing the quotes failed")

    # What happens to the feeds: who is told may wait for the database, and no price does

    def _tell(self) -> None:
        while not self._feed_clock.wait(self._stopped, _REVIEW_EVERY):
            try:
                self._tell_events()
            except Exception:
                _log.exception("telling what happened to the feeds failed")

    def _tell_events(self) -> None:
        self.events.note_failovers(self.consolidator.take_failovers())
        self.events.note_rejected_ticks(self.validator.take_rejected())
        events = self.events.take()
        for callback in self._event_callbacks if events else ():
            callback(events)

    # Who is told

    def add_callback(self, callback: Listener) -> None:
        """Call `callback` with every quote, in the thread that made it."""
        self.hub.subscribe(callback)

    def remove_callback(self, callback: Listener) -> None:
        """Call it no more."""
        self.hub.unsubscribe(callback)

    def add_status_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the state of a feed changes."""
        self._status_callbacks = (*self._status_callbacks, callback)

    def add_event_callback(self, callback: Callable[[list[FeedEvent]], None]) -> None:
        """Call `callback` with what happened to the feeds, about twice a second at most."""
        self._event_callbacks = (*self._event_callbacks, callback)

    def _note_change(self, source: str = "") -> None:
        feed = self._feed_set.feeds.get(source)
        if feed is not None and self._activity.has_changed(source, status := feed.status()):
            problem = None if status.active else status.last_error
            self.events.note_state(self._clock(), source, status.state.value, problem)
        for callback in self._status_callbacks:
            try:
                callback()
            except Exception:
                _log.exception("telling about a change of %s failed", source or "the feeds")

    # How it is doing

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source; the built-in exchange only where there is one."""
        return self._feed_set.status()

    def feeds(self) -> Mapping[str, Feed]:
        """What keeps each source alive, or asks it, by the source's name."""
        return self._feed_set.feeds

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of the sources stand that are asked."""
        return self._feed_set.uses()

    def failure(self) -> str | None:
        """Why no price can be expected; None where all is well, or the feeds need not run."""
        if not self.running or self._feed_clock.now() - self._started_at < _GRACE:
            return None
        if any(status.active for status in self.status().values()):
            return None
        return "no source is streaming"
