"""Keeps one upstream's connection alive, and reports its status.

Long for a reason: every way in which a connection starts, ends and is replaced is in one place.
"""

import logging
import random
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from msgspec import Struct, structs

from omcrm.errors import FeedNoData, FeedRefused
from omcrm.feeds.connection import FeedConnection, close_all
from omcrm.feeds.feed_latency import FeedLatency
from omcrm.feeds.keys import Keys
from omcrm.feeds.lease import Leases
from omcrm.feeds.own_clock import OwnClock
from omcrm.feeds.provider import (
    AccessDenied,
    Authenticated,
    ClosingSoon,
    FrameContext,
    RequestRejected,
    StreamProvider,
    UnknownCondition,
    Unreadable,
)
from omcrm.feeds.retry import backoff, wait_after
from omcrm.feeds.source_clock import SourceClock
from omcrm.feeds.status import Meter, masked, without_secrets
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.clock import Clock
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem
from omcrm.market.feed_sentence import problem_sentence
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.price_class import LIVE, PriceClass
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick

_log = logging.getLogger(__name__)

# Steps serve the watchdogs and the spacing of requests; all other events wake the thread.
_STEP = 0.3
_STOP_TIMEOUT = 3.0
_LOG_EVERY = 1.0
_LOG_AGAIN = 60.0
_STREAMING = FeedState.STREAMING
# A missing key may be set later, and a lease that another process holds may be released.
_CHECK_AGAIN = 5.0


class FeedCallbacks(Struct, frozen=True):
    """The functions that a feed calls from its threads.

    `condition` is called with the source, its health and the first connection whose data still
    counts; `changed` with the source; `frame`, if set, with the source and every frame, or call
    with its answer, before it is parsed; `unserved` with the source and all symbols (ours) that it
    does not serve although it answers; `problem`, if set, with the source and a problem that does
    not change its state.
    """

    tick: Callable[[Tick], None]
    condition: Callable[[str, HealthState, int], None]
    changed: Callable[[str], None]
    frame: Callable[[str, bytes], None] | None = None
    unserved: Callable[[str, frozenset[str]], None] = lambda source, symbols: None
    problem: Callable[[str, FeedProblem], None] | None = None


class Supervisor:
    """Runs one provider's connection: connects, subscribes, monitors, replaces, and retries.

    Thread-safe; starting or stopping twice is harmless.
    """

    def __init__(
        self,
        provider: StreamProvider,
        reports: FeedCallbacks,
        clock: Clock,
        timing: SupervisorTiming | None = None,
        keys: Keys | None = None,
        leases: Leases | None = None,
        own_clock: OwnClock | None = None,
        replay_of: Collection[str] = (),
    ) -> None:
        self.provider = provider
        self._replay_of = replay_of
        self._keys = keys or Keys()
        self._leases = leases
        self._leased_key = ""
        self._reports = reports
        self._clock = clock
        self._timing = timing or SupervisorTiming()
        self._feed_clock = self._timing.feed_clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._running = False
        self._names: Mapping[str, str] = {}
        self._expects_data: Callable[[], bool] = lambda: True
        self._witnessed: Callable[[], int] = lambda: 0
        self._current: FeedConnection | None = None
        self._next: FeedConnection | None = None
        self._number = 0
        self._retry_at = 0.0
        self._may_replace_at = 0.0
        self._delays = backoff(random.Random())
        self._state = FeedState.STOPPED
        self._cause: FeedProblem | None = None
        self._meter = Meter()
        self._own_clock = own_clock or OwnClock(clock, self._feed_clock)
        self._source_clock = SourceClock(self.name, self._own_clock)
        self._connected_since: datetime | None = None
        self._last_message_at: datetime | None = None
        self._reconnects = 0
        self._unreadable = 0
        self._unknown_conditions = 0
        self._problem: FeedProblem | None = None
        self._logged_at = float("-inf")

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.provider.source.name

    def follow(
        self,
        names: Mapping[str, str],
        expects_data: Callable[[], bool],
        witnessed: Callable[[], int] = lambda: 0,
    ) -> None:
        """Subscribe to these symbols (the provider's spelling → ours), and no others, from now on.

        `expects_data` returns whether any of their markets is open, `witnessed` how many ticks of
        these asset classes other sources have brought so far.
        """
        most = self.provider.limits.symbols
        if len(names) > most:
            self._note_problem(FeedCode.SYMBOL_LIMIT, FeedFigures(count=len(names), limit=most))
        self._expects_data, self._witnessed = expects_data, witnessed
        self._names = dict(list(names.items())[:most])
        self._wake.set()

    def start(self) -> None:
        """Connect, in the background."""
        with self._lock:
            if self._thread is not None:
                return
            self._running, self._retry_at = True, 0.0
            self._thread = threading.Thread(target=self._run, name=f"feed-{self.name}", daemon=True)
            self._reports.condition(self.name, HealthState.PENDING, 0)
            self._thread.start()

    def stop(self) -> None:
        """End the connection and wait until its threads have ended."""
        self.begin_stop()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_TIMEOUT * 2)

    def begin_stop(self) -> None:
        """End the connection without waiting; `stop` waits."""
        self._running = False
        self._wake.set()

    def status(self) -> FeedStatus:
        """The feed's present status."""
        rate, current = self._meter.rate(self._feed_clock.now()), self._current
        claim = self.provider.source.claim
        is_streaming = self._state is FeedState.STREAMING
        problem = (is_streaming and self._source_clock.problem) or self._problem
        recorded_at = None if current is None else current.recorded_at
        return FeedStatus(
            state=self._state,
            active=self._state is FeedState.STREAMING,
            type="websocket",
            url=masked(self._keys.hide(self.provider.url())),
            connected_since=self._connected_since,
            last_message_at=self._last_message_at,
            messages=self._meter.total,
            messages_per_second=round(rate if self._connected_since else 0.0, 1),
            reconnects=self._reconnects,
            last_error=None if problem is None else problem_sentence(problem),
            price_class=claim if recorded_at is None else PriceClass.REPLAYED,
            symbols=len(self._names),
            unreadable=self._unreadable,
            unknown_conditions=self._unknown_conditions,
            problem=problem,
            cause=self._cause,
            recorded_at=recorded_at,
        )

    # The supervising thread

    def _run(self) -> None:
        cause: FeedProblem | None = None
        try:
            while self._running:
                self._step(self._feed_clock.now())
                self._feed_clock.wait(self._wake, self._pause())
                self._wake.clear()
        except Exception as error:
            _log.exception("supervising %s failed", self.name)
            cause = self._note_problem(FeedCode.SUPERVISOR_DIED, FeedFigures(detail=repr(error)))
        finally:
            close_all([connection.link for connection in self._connections()], _STOP_TIMEOUT)
            self._current = self._next = None
            self._give_back_lease()
            self._set_state(FeedState.STOPPED, cause)
            self._reports.condition(self.name, HealthState.DOWN, 0)

    def _pause(self) -> float:
        """Seconds until the next step: the frame spacing while requests are unsent."""
        has_unsent = any(connection.has_unsent_requests for connection in self._connections())
        return min(_STEP, self.provider.limits.frame_spacing) if has_unsent else _STEP

    def _connections(self) -> list[FeedConnection]:
        return [connection for connection in (self._current, self._next) if connection is not None]

    def _step(self, now: float) -> None:
        current = self._current
        if current is None:
            if now >= self._retry_at and self._names and self._may_connect(now):
                self._set_state(FeedState.CONNECTING)
                self._current = self._open()
        elif current.link.ended.is_set():
            self._lose(current, now)
        else:
            if current.link.is_open and self._state is FeedState.CONNECTING:
                self._set_state(FeedState.CONNECTED)
            expects_data, witnessed = self._expects_data(), self._witnessed()
            no_data = [
                connection.maintain(
                    self._names, now, expects_data=expects_data, witnessed=witnessed
                )
                for connection in self._connections()
            ]
            self._replace_if_due(current, no_data[0], now)
            self._check_clock(current)

    def _check_clock(self, current: FeedConnection) -> None:
        """Compare the upstream's clock with this machine's, and report one that is off."""
        if self.provider.source.claim is not PriceClass.LIVE:
            return
        source_clock, (_, now) = self._source_clock, self._own_clock.read()
        before = source_clock.problem
        source_clock.compare(current.latency.offset(now), now)
        if source_clock.problem is not before:
            self._reports.changed(self.name)
        news = source_clock.news(before)
        if news is not None and self._reports.problem is not None:
            self._reports.problem(self.name, news)

    def _may_connect(self, now: float) -> bool:
        """Whether no setting is missing and, where one connection is allowed, the lease is ours."""
        name, missing = self.name, self.provider.missing()
        self._give_back_lease()
        if missing is not None:
            self._retry_at = now + _CHECK_AGAIN
            self._problem = FeedProblem(FeedCode.SETTING_MISSING, FeedFigures(setting=missing))
            self._set_state(FeedState.OFF, self._problem)
            self._reports.condition(name, HealthState.OFF, 0)
            return False
        if self._state is FeedState.OFF:
            self._problem = None
        api_key = self.provider.api_key()
        if self.provider.limits.connections != 1 or self._leases is None:
            return True
        if self._leases.take(name, api_key):
            self._leased_key = api_key
            return True
        self._retry_at = now + _CHECK_AGAIN
        holder = self._leases.holder(name, api_key)
        cause = self._note_problem(FeedCode.KEY_IN_USE, FeedFigures(process=holder))
        self._set_state(FeedState.WAITING, cause)
        self._reports.condition(name, HealthState.DOWN, 0)
        return False

    def _give_back_lease(self) -> None:
        if self._leases is not None:
            self._leases.give_back(self.name, self._leased_key)

    def _open(self) -> FeedConnection:
        self._number += 1
        connection = FeedConnection(
            self._number,
            self.provider,
            self._timing,
            FeedLatency(self._source_clock),
            self._receive,
            self._wake.set,
            self._replay_of,
        )
        connection.link.start()
        return connection

    def _lose(self, lost: FeedConnection, now: float) -> None:
        """Handle the end of a connection: go on with its replacement, or wait and try again."""
        error, self._current, replacement = lost.link.error, None, self._next
        self._next = None
        self._reconnects += 1
        cause: FeedProblem | None = None
        if error is not None:
            cause = self._note_problem(error.problem.code, error.problem.figures)
        if replacement is not None and replacement.link.is_open:
            self._current = replacement
            self._report_replacement(replacement, cause)
            return
        if replacement is not None:
            close_all([replacement.link], 0.0)
        if lost.has_delivered_for(self._timing.backoff_reset, now):
            self._delays = backoff(random.Random())
        self._retry_at = now + wait_after(error, self._delays)
        self._set_state(FeedState.WAITING, cause)
        self._reports.condition(self.name, HealthState.DOWN, 0)

    def _report_replacement(self, replacement: FeedConnection, cause: FeedProblem | None) -> None:
        # A price may have been lost between the old connection's end and now: only data of the
        # replacement counts.
        has_data = replacement.first_data_at is not None
        if has_data:
            self._set_state(FeedState.STREAMING)
        else:
            self._set_state(FeedState.CONNECTED, cause)
        condition = HealthState.HEALTHY if has_data else HealthState.DOWN
        self._reports.condition(self.name, condition, replacement.number)
        if not has_data and replacement.first_data_at is not None:
            # Its first data came meanwhile, and its report was overwritten above.
            self._set_state(FeedState.STREAMING)
            self._reports.condition(self.name, HealthState.HEALTHY, replacement.number)

    def _replace_if_due(
        self, current: FeedConnection, no_data: FeedNoData | None, now: float
    ) -> None:
        """Open a second connection beside one that will end or has no data, then change over."""
        after = self._timing.replace_after or self.provider.limits.replace_after
        replacement = self._next
        if replacement is None:
            is_due = current.closing_soon or no_data or (after and now - current.opened_at >= after)
            if is_due and now >= self._may_replace_at:
                if no_data:
                    cause = self._note_problem(no_data.problem.code, no_data.problem.figures)
                    self._set_state(FeedState.CONNECTED, cause)
                if self.provider.limits.connections == 1:
                    current.link.close(no_data)
                else:
                    self._next = self._open()
                # An upstream that asks to replace every connection must not get a storm of them.
                self._may_replace_at = now + next(self._delays)
        elif replacement.link.ended.is_set():
            # It is tried again later: the first connection still works.
            self._next = None
        elif replacement.link.is_open and self._can_take_over(replacement, now):
            current.link.close()
            self._current, self._next = replacement, None
            if current.has_delivered_for(self._timing.backoff_reset, now):
                self._delays = backoff(random.Random())
            self._connected_since = self._clock()
            self._reconnects += 1
            if self._state is not FeedState.STREAMING:
                self._report_replacement(replacement, self._cause)

    def _can_take_over(self, replacement: FeedConnection, now: float) -> bool:
        return (
            replacement.first_data_at is not None
            or now - replacement.opened_at >= self._timing.replacement_grace
        )

    def _set_state(self, state: FeedState, cause: FeedProblem | None = None) -> None:
        self._cause = cause
        if state is self._state:
            return
        self._state = state
        if state not in (FeedState.CONNECTED, FeedState.STREAMING):
            self._connected_since = None
        elif self._connected_since is None:
            self._connected_since = self._clock()
        self._reports.changed(self.name)

    def _note_problem(self, code: FeedCode, figures: FeedFigures) -> FeedProblem:
        before = self._problem
        self._problem = problem = without_secrets(FeedProblem(code, figures), self._keys.hide)
        now, sentence = self._feed_clock.now(), problem_sentence(problem)
        is_new = before is None or sentence != problem_sentence(before)
        if now - self._logged_at >= (_LOG_EVERY if is_new else _LOG_AGAIN):
            self._logged_at = now
            _log.warning("%s: %s", self.name, sentence)
        return problem

    # The links' threads

    def _receive(self, connection: FeedConnection, frame: bytes) -> None:
        self._meter.total += 1
        if self._reports.frame is not None:
            self._reports.frame(self.name, self._keys.hide_in(frame))
        received_at, now = self._own_clock.read()
        arrival = FrameContext(received_at, connection.number, self._names)
        for event in self.provider.parse(frame, arrival):
            if isinstance(event, Tick):
                self._take(event, connection, now)
            elif isinstance(event, ClosingSoon):
                connection.closing_soon = True
                self._wake.set()
            elif isinstance(event, Authenticated):
                connection.note_authenticated()
                self._wake.set()
            elif isinstance(event, AccessDenied):
                refused = FeedRefused(event.status, event.message, event.retry_after)
                connection.link.close(refused)
            elif isinstance(event, RequestRejected):
                figures = FeedFigures(status=event.code, detail=event.message)
                self._note_problem(FeedCode.REQUEST_REJECTED, figures)
            elif isinstance(event, Unreadable):
                self._unreadable += 1
                self._note_problem(FeedCode.UNREADABLE_FRAME, FeedFigures(detail=event.problem))
            elif isinstance(event, UnknownCondition):
                self._unknown_conditions += 1

    def _take(self, tick: Tick, connection: FeedConnection, now: float) -> None:
        if connection.recorded_at is not None:
            # Its times are of another day: they say nothing about how late it is.
            tick = structs.replace(tick, recorded_at=connection.recorded_at)
        elif self.provider.source.claim is LIVE:
            late = connection.latency.measure(tick.stamp, now)
            if late:
                tick = tick.dated(late)
                self._note_latency(connection, tick, now)
        is_first = connection.first_data_at is None
        connection.note_data()
        self._last_message_at = tick.received_at
        if connection is self._current and self._state is not _STREAMING:
            self._set_state(_STREAMING)
        if is_first and connection is self._current:
            # Before the tick, so that the source is healthy when its price is validated.
            self._reports.condition(self.name, HealthState.HEALTHY, connection.number)
        self._reports.tick(tick)

    def _note_latency(self, connection: FeedConnection, tick: Tick, now: float) -> None:
        """Replace a connection that has lastingly fallen behind, like one without data."""
        if connection is not self._current or connection.closing_soon:
            return
        if connection.latency.is_lasting(now):
            self._note_problem(
                FeedCode.LATE, FeedFigures(seconds=round(tick.late.total_seconds(), 3))
            )
            connection.latency.note_replacement(now)
            connection.closing_soon = True
            self._wake.set()
