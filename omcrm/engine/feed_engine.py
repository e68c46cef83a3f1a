"""The engine: runs the feeds and makes quotes of their ticks; knows no client.

Long for a reason: all that passes between feeds, consolidator and bus is put together here.
"""

import logging
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Literal

from omcrm.engine.bus import (
    Bus,
    Control,
    ControlAction,
    Demand,
    FeedChanged,
    FeedEvents,
    Holdings,
)
from omcrm.engine.engine_lock import EngineLock
from omcrm.engine.market_engine import Companion, EngineDetails
from omcrm.feeds.event_log import EventLog
from omcrm.feeds.feed_set import Feed, FeedActivity, FeedSet
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.last_resort import last_resort
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.quota import BudgetUse
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.clock import Clock
from omcrm.market.consolidator import Consolidator
from omcrm.market.explanation import Explanation
from omcrm.market.feed_event import FeedProblem
from omcrm.market.feed_status import FeedStatus
from omcrm.market.instrument import Instrument
from omcrm.market.policy import LOOK_AHEAD, POLICIES
from omcrm.market.session import is_open
from omcrm.market.source import SIMULATED, HealthState
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator

_log = logging.getLogger(__name__)

# How often time alone may change a price's class, in seconds. LOOK_AHEAD is a little more, for the
# thread may be late.
_REVIEW_EVERY = 0.5
# So long after its start a feed may lack data before that counts as a failure, in seconds.
_GRACE = 30.0
# Views that have watched something; those of processes that ended are forgotten by that.
_MOST_VIEWS = 100
_MOST_REJECTED = 50


def system_clock() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)


class FeedEngine:
    """The feeds, the consolidator, its review, the feed events and the news of one installation.

    Thread-safe: starting or stopping twice is harmless. It publishes quotes, changes and events of
    the feeds on the bus, and takes demand, holdings and control from it. In the folder `state`
    calls are counted and keys shared with the other processes of this machine. Its feeds run only
    with the right that `lock` gives, if there is one.
    """

    def __init__(
        self,
        bus: Bus,
        settings: FeedSettings,
        clock: Clock = system_clock,
        timing: SupervisorTiming | None = None,
        state: Path | None = None,
        polling: Polling | None = None,
        recorder: Callable[[str, bytes], None] | None = None,
        news: NewsCollector | None = None,
        lock: EngineLock | None = None,
    ) -> None:
        self._engine_lock = lock
        self._companions: tuple[Companion, ...] = ()
        self._news = news or NewsCollector((), 0.0, clock)
        self.validator = Validator()
        self.consolidator = Consolidator(clock, self.validator)
        self.events = EventLog()
        self.instruments: dict[str, Instrument] = {}
        self.since: datetime | None = None
        self.reviewed_at: datetime | None = None
        self._bus = bus
        self._clock = clock
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._started_at = 0.0
        self._watched: dict[str, frozenset[str]] = {}
        self._held: frozenset[str] = frozenset()
        self._activity = FeedActivity()
        self._ticks: Counter[str] = Counter()
        callbacks = FeedCallbacks(
            tick=self.take,
            condition=self._note_health,
            changed=self._note_change,
            frame=recorder,
            unserved=self._note_unserved,
            problem=self._note_problem,
        )
        # Without a folder of the machine's own, calls are counted for this process alone.
        folder = state or Path(tempfile.gettempdir()) / f"omcrm-feeds-{os.getpid()}"
        self._feed_clock = (timing or SupervisorTiming()).feed_clock
        self._feed_set = FeedSet(settings, callbacks, clock, folder, self._urgency, timing, polling)
        bus.subscribe(Demand, self._note_demand)
        bus.subscribe(Holdings, self._note_holdings)
        bus.subscribe(Control, self._control)

    # What is followed

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Follow these instruments, and no others, from now on; also while running."""
        with self._lock:
            named = map(with_usual_names, instruments)
            self.instruments = {instrument.symbol: instrument for instrument in named}
            self.consolidator.follow(self.instruments.values())
            for feed in self._feed_set.feeds.values():
                self._assign(feed)
            if self.running:
                self._apply_last_resort()
            self._news.follow(self.instruments.values())

    # Starting and stopping

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run."""
        return bool(self._threads)

    def accompany(self, companion: Companion) -> None:
        """Start this with the feeds, and stop it with them, from the next start on."""
        self._companions = (*self._companions, companion)

    def start(self) -> Literal["started", "already_running", "not_allowed"]:
        """Connect the feeds, in the background, if this engine may."""
        with self._lock:
            if self.running:
                return "already_running"
            if self._engine_lock is not None:
                token = self._engine_lock.take()
                if token is None:
                    return "not_allowed"
                self.consolidator.numbers.begin_above(token)
            self._stopped.clear()
            self.since, self._started_at = self._clock(), self._feed_clock.now()
            self._threads = [
                threading.Thread(target=self._review, name="reviewer", daemon=True),
                threading.Thread(target=self._publish_events, name="feed-events", daemon=True),
            ]
            for feed in self._feed_set.feeds.values():
                self._assign(feed)
            self._feed_set.start()
            self._apply_last_resort()
            for thread in self._threads:
                thread.start()
            self._news.start()
            for companion in self._companions:
                companion.start()
            return "started"

    def stop(self) -> Literal["stopped", "already_stopped"]:
        """End all connections and wait until their threads are gone."""
        with self._lock:
            if not self.running:
                return "already_stopped"
            self._stopped.set()
            self._news.begin_stop()
            self._feed_set.stop()
            for thread in self._threads:
                thread.join()
            for quote in self.consolidator.set_all_off():
                self._bus.publish(quote)
            self._publish_new_events()
            self._threads, self.since = [], None
            self._news.stop()
            for companion in self._companions:
                companion.stop()
            if self._engine_lock is not None:
                self._engine_lock.give_back()
        self._bus.publish(FeedChanged())
        return "stopped"

    def becomes(self, running: bool) -> bool:
        """Whether the feeds run, or do not, as they were told to: here that is done at once."""
        return self.running is running

    def _control(self, control: Control) -> None:
        if control.action is ControlAction.START:
            self.start()
        elif control.action is ControlAction.STOP:
            self.stop()

    def _assign(self, feed: Feed) -> None:
        """Give a feed its symbols, and what it needs to know to expect data."""
        followed = [
            instrument
            for instrument in self.instruments.values()
            if feed.name in instrument.provider_symbols
        ]
        classes = {instrument.asset_class for instrument in followed}
        calendars = {instrument.calendar for instrument in followed}
        others = {name for asset_class in classes for name in POLICIES[asset_class].sources} - {
            feed.name
        }
        always = feed.name == SIMULATED.name
        names: dict[str, str] = {}
        for instrument in followed:
            # Of two with the same name the older one keeps it.
            names.setdefault(instrument.provider_symbols[feed.name], instrument.symbol)
        feed.follow(
            names,
            lambda: always or any(is_open(calendar, self._clock()) for calendar in calendars),
            lambda: sum(self._ticks[name] for name in others),
        )

    def _apply_last_resort(self) -> None:
        for tick in last_resort(self.instruments.values(), self._clock()):
            self.take(tick)

    # The path of a price

    def take(self, tick: Tick) -> None:
        """Consolidate a tick, and publish the quote that it changes."""
        self._ticks[tick.source.name] += 1
        quote = self.consolidator.apply(tick, LOOK_AHEAD)
        if quote is not None:
            self._bus.publish(quote)

    def _note_health(self, source: str, state: HealthState, connection: int) -> None:
        # At the end all sources are switched off together: none takes over from another.
        if self._stopped.is_set():
            return
        for quote in self.consolidator.set_health(source, state, connection, LOOK_AHEAD):
            self._bus.publish(quote)

    def _note_unserved(self, source: str, symbols: frozenset[str]) -> None:
        for quote in self.consolidator.set_unserved(source, symbols, LOOK_AHEAD):
            self._bus.publish(quote)

    def _review(self) -> None:
        while not self._feed_clock.wait(self._stopped, _REVIEW_EVERY):
            try:
                began = self._clock()
                for quote in self.consolidator.review(LOOK_AHEAD):
                    self._bus.publish(quote)
                self.reviewed_at = began
            except Exception:
                _log.exception("reviewing the quotes failed")

    # Events of the feeds: their handlers may wait for the database, and no price does

    def _publish_events(self) -> None:
        while not self._feed_clock.wait(self._stopped, _REVIEW_EVERY):
            try:
                self._publish_new_events()
            except Exception:
                _log.exception("publishing the events of the feeds failed")

    def _publish_new_events(self) -> None:
        self.events.note_failovers(self.consolidator.take_failovers())
        self.events.note_contradictions(self.consolidator.take_contradictions())
        self.events.note_rejected_ticks(self.validator.take_rejected())
        if events := self.events.take():
            self._bus.publish(FeedEvents(tuple(events)))

    def _note_change(self, source: str) -> None:
        feed = self._feed_set.feeds.get(source)
        if feed is not None and self._activity.has_changed(source, status := feed.status()):
            self.events.note_state(self._clock(), source, status.state.value, status.cause)
        self._bus.publish(FeedChanged(source))

    def _note_problem(self, source: str, problem: FeedProblem) -> None:
        feed = self._feed_set.feeds.get(source)
        if feed is not None:
            self.events.note_state(self._clock(), source, feed.status().state.value, problem)

    # What is wanted

    def _note_demand(self, demand: Demand) -> None:
        self._watched.pop(demand.view, None)
        self._watched[demand.view] = demand.symbols
        if len(self._watched) > _MOST_VIEWS:
            self._watched.pop(next(iter(self._watched)), None)

    def _note_holdings(self, holdings: Holdings) -> None:
        self._held = holdings.symbols

    def _urgency(self, source: str, symbol: str) -> int:
        """How urgently a polled source should be asked for a symbol: 0 not at all."""
        if self.consolidator.has_better(symbol, source) or self._awaits_better(symbol, source):
            return 0
        # A copy, because any view may publish its demand meanwhile.
        is_watched = any(symbol in symbols for symbols in self._watched.copy().values())
        return 2 if is_watched or symbol in self._held else 1

    def _awaits_better(self, symbol: str, source: str) -> bool:
        """Whether a polled source that the policy prefers to this one is about to be asked."""
        instrument = self.instruments.get(symbol)
        order = POLICIES[instrument.asset_class].sources if instrument is not None else ()
        return self._feed_set.awaits(symbol, takewhile(lambda name: name != source, order))

    def expects(self, symbol: str) -> bool:
        """Whether a feed may have a price of a symbol soon: a stream that is starting or has failed
        a moment ago, or a polled source that is being asked."""
        instrument = self.instruments.get(symbol)
        if instrument is None or not self.running:
            return False
        names = instrument.provider_symbols
        streams = filter(self._feed_set.is_stream, names)
        return self.consolidator.expects(symbol, streams) or self._feed_set.awaits(symbol, names)

    # How it is doing

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source; the simulator only where there is one."""
        return self._feed_set.status()

    def feeds(self) -> Mapping[str, Feed]:
        """What keeps each source alive, or asks it, by the source's name."""
        return self._feed_set.feeds

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of the polled sources stand."""
        return self._feed_set.uses()

    def failure(self) -> str | None:
        """Why no price can be expected; None where all is well, or the feeds need not run."""
        if not self.running or self._feed_clock.now() - self._started_at < _GRACE:
            return None
        if any(status.active for status in self.status().values()):
            return None
        return "no source is streaming"

    def rejected(self) -> dict[str, int]:
        """How many ticks were rejected, by reason."""
        return {reason.value: count for reason, count in self.validator.rejected.items()}

    def standbys(self) -> dict[str, str | None]:
        """The standby of each followed symbol."""
        return {symbol: self.consolidator.standby(symbol) for symbol in self.instruments}

    def details(self) -> EngineDetails:
        """The newest rejected ticks, and what each source reports of each symbol."""
        return EngineDetails(
            rejected=tuple(list(self.validator.quarantine)[: -_MOST_REJECTED - 1 : -1]),
            chains={
                symbol: tuple(self.consolidator.quotes_by_source(symbol).values())
                for symbol in self.instruments
            },
        )

    def explain(self, symbol: str) -> Explanation | None:
        """Why the price of a symbol is what it is; None where it is not followed."""
        return self.consolidator.explain(symbol)
