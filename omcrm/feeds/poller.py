"""Polls one upstream over HTTP, in batches and within its quota, and reports its status.

Long for a reason: every way in which a call can fail is handled in one place.
"""

import contextlib
import logging
import math
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from omcrm.errors import FeedError, FeedRefused, FeedUnreached
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Call,
    FrameContext,
    PollLimits,
    PollProvider,
    Reply,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.quota import BudgetUse, CallCounts
from omcrm.feeds.recorder import asked
from omcrm.feeds.retry import backoff, wait_after
from omcrm.feeds.status import Meter, without_secrets
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import ORDINARY, FeedClock
from omcrm.market.clock import Clock
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem
from omcrm.market.feed_sentence import problem_sentence
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick

_log = logging.getLogger(__name__)

_STEP = 1.0
_CHECK_AGAIN = 5.0
_STOP_TIMEOUT = 15.0
# How long symbols rest whose request the upstream has refused.
_REFUSED_FOR = 300.0
# Failed calls count as well: the first wait before the next one, doubled with each failure.
_AGAIN, _MOST_DOUBLINGS = 60.0, 10


class Polling(Struct, frozen=True):
    """The shortest interval of pollers in seconds, and the largest number of symbols in a call."""

    interval: float = 30.0
    batch: int = 50


class PollSchedule:
    """Decides which symbols are polled next: the most urgent first, each once an interval at most.

    `wanted` gives how urgently a symbol (ours) is wanted now: 0 not at all, higher first.
    """

    def __init__(self, polling: Polling, limits: PollLimits, wanted: Callable[[str], int]) -> None:
        self.interval = max(polling.interval, limits.interval)
        self._batch = min(polling.batch, limits.batch)
        self._wanted = wanted
        self._asked: dict[str, float] = {}

    def due(self, names: Mapping[str, str], now: float) -> list[str]:
        """The names to poll next, one batch; empty while nothing is due."""
        urgency = {name: self._wanted(symbol) for name, symbol in names.items()}
        waiting = [
            name
            for name, degree in urgency.items()
            if degree and now - self._asked.get(name, -math.inf) >= self.interval
        ]
        waiting.sort(key=lambda name: (-urgency[name], self._asked.get(name, -math.inf)))
        return waiting[: self._batch]

    def is_wanted(self, names: Mapping[str, str]) -> bool:
        """Whether any of the names is wanted, due or not."""
        return any(map(self._wanted, names.values()))

    def asked(self, names: Iterable[str], now: float) -> None:
        """Note that these have been polled."""
        self._asked.update(dict.fromkeys(names, now))

    def suspend(self, names: Iterable[str], until: float) -> None:
        """Do not poll these before `until`, nor before their interval is over."""
        for name in names:
            self._asked[name] = max(self._asked.get(name, -math.inf), until - self.interval)

    def failed(self, names: Iterable[str]) -> None:
        """Note that the call for these has failed: they are due again."""
        for name in names:
            self._asked.pop(name, None)


class Poller:
    """Polls one provider; thread-safe, starting or stopping twice is harmless."""

    def __init__(
        self,
        provider: PollProvider,
        reports: FeedCallbacks,
        clock: Clock,
        call_counts: CallCounts,
        keys: Keys,
        schedule: PollSchedule,
        feed_clock: FeedClock = ORDINARY,
    ) -> None:
        self.provider = provider
        self._reports = reports
        self._clock = clock
        self._call_counts = call_counts
        self._keys = keys
        self._schedule = schedule
        self._timing = feed_clock
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._names: Mapping[str, str] = {}
        self._fetcher = Fetcher()
        self._delays = backoff(random.Random())
        self._ask_at = 0.0
        self._number = 0
        self._state = FeedState.STOPPED
        self._meter = Meter()
        self._last_message_at: datetime | None = None
        self._failures = self._failures_in_a_row = 0
        self._unreadable = 0
        self._problem: FeedProblem | None = None

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
        """Poll these symbols (the provider's spelling → ours), and no others, from now on.

        The other arguments are for streams: the schedule knows which symbols are wanted, and each
        call has a timeout of its own.
        """
        self._names = dict(names)
        self._wake.set()

    def start(self) -> None:
        """Begin to poll, in the background."""
        with self._lock:
            if self._thread is not None:
                return
            self._fetcher, self._ask_at = Fetcher(), 0.0
            self._number += 1
            self._thread = threading.Thread(
                target=self._run, args=[self._fetcher], name=f"feed-{self.name}", daemon=True
            )
            self._reports.condition(self.name, HealthState.PENDING, 0)
            self._thread.start()

    def stop(self) -> None:
        """Stop polling, and wait until the thread has ended."""
        self.begin_stop()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_TIMEOUT)

    def begin_stop(self) -> None:
        """Stop polling without waiting; `stop` waits."""
        self._fetcher.close()
        self._wake.set()

    def uses(self) -> list[BudgetUse]:
        """The use of its call budgets."""
        limits = self.provider.limits
        return self._call_counts.uses(
            self.name, self.provider.api_key(), limits.budgets, self._clock()
        )

    def status(self) -> FeedStatus:
        """The feed's present status."""
        problem = self._problem
        return FeedStatus(
            state=self._state,
            active=self._state is FeedState.POLLING,
            type="http",
            last_message_at=self._last_message_at,
            messages=self._meter.total,
            messages_per_second=round(self._meter.rate(self._timing.now()), 3),
            reconnects=self._failures,
            last_error=None if problem is None else problem_sentence(problem),
            price_class=self.provider.source.claim,
            symbols=len(self._names),
            unreadable=self._unreadable,
            problem=problem,
        )

    # The polling thread

    def _run(self, fetcher: Fetcher) -> None:
        try:
            while not fetcher.closed:
                self._step(self._timing.now())
                self._timing.wait(self._wake, _STEP)
                self._wake.clear()
        except Exception as error:
            _log.exception("polling %s failed", self.name)
            self._note_problem(FeedCode.POLLER_DIED, FeedFigures(detail=repr(error)))
        finally:
            fetcher.close()
            self._set_state(FeedState.STOPPED)
            self._reports.condition(self.name, HealthState.DOWN, 0)

    def _step(self, now: float) -> None:
        if now < self._ask_at:
            return
        missing = self.provider.missing()
        if missing is not None:
            self._ask_at = now + _CHECK_AGAIN
            self._problem = FeedProblem(FeedCode.SETTING_MISSING, FeedFigures(setting=missing))
            self._set_state(FeedState.OFF)
            self._reports.condition(self.name, HealthState.OFF, 0)
            return
        if self._state is FeedState.OFF:
            self._problem = None
            self._set_state(FeedState.STANDBY)
            self._reports.condition(self.name, HealthState.PENDING, 0)
        names = self._schedule.due(self._names, now)
        if names:
            (call, *_) = self.provider.calls(names)
            if self._may_ask(now):
                self._schedule.asked(call.names, now)
                self._ask(call)
        elif self._state is FeedState.STOPPED or not self._schedule.is_wanted(self._names):
            self._set_state(FeedState.STANDBY)

    def _may_ask(self, now: float) -> bool:
        """Whether the quota allows one more call, which is then counted."""
        api_key, budgets = self.provider.api_key(), self.provider.limits.budgets
        try:
            allowed_at = self._call_counts.take(self.name, api_key, budgets, self._clock())
        except OSError as error:
            # A call that cannot be counted is not made.
            figures = FeedFigures(detail=error.strerror)
            self._fail(FeedError(FeedCode.CALLS_UNCOUNTED, figures))
            return False
        if allowed_at is not None:
            self._wait_for_quota(allowed_at, now)
        return allowed_at is None

    def _give_back(self) -> None:
        api_key, budgets = self.provider.api_key(), self.provider.limits.budgets
        with contextlib.suppress(OSError):
            self._call_counts.give_back(self.name, api_key, budgets, self._clock())

    def _wait_for_quota(self, allowed_at: datetime, now: float) -> None:
        seconds = max(1.0, (allowed_at - self._clock()).total_seconds())
        self._ask_at = now + min(seconds, 60.0)
        if seconds > 60.0:
            self._note_problem(FeedCode.QUOTA_USED_UP, FeedFigures(until=allowed_at))
            self._set_state(FeedState.WAITING)

    def _ask(self, call: Call) -> None:
        try:
            reply = self._fetcher.get(call)
        except FeedError as error:
            if isinstance(error, FeedUnreached):
                self._give_back()
            if not self._fetcher.closed:
                self._record(call, None)
                self._fail(error, call.names)
            return
        if self._fetcher.closed:
            return
        self._meter.total += 1
        self._record(call, reply)
        arrival = FrameContext(self._clock(), self._number, self._names)
        events = list(self.provider.parse(call, reply, arrival))
        failure: FeedError | None = None
        for event in events:
            if isinstance(event, AccessDenied):
                self._note_used_up(event)
                refused = FeedRefused(event.status, event.message, event.retry_after)
                self._fail(refused, call.names)
                return
            if isinstance(event, RequestRejected):
                figures = FeedFigures(status=event.code, detail=event.message)
                self._note_problem(FeedCode.REQUEST_REJECTED, figures)
                self._schedule.suspend(call.names, self._timing.now() + _REFUSED_FOR)
            elif isinstance(event, Unreadable):
                self._unreadable += 1
                figures = FeedFigures(detail=event.problem)
                failure = FeedError(FeedCode.UNREADABLE_ANSWER, figures)
        if ticks := [tick for tick in events if isinstance(tick, Tick)]:
            if failure is not None:
                self._note_problem(failure.problem.code, failure.problem.figures)
            self._take(ticks)
        elif failure is not None:
            self._fail(failure, call.names)

    def _record(self, call: Call, reply: Reply | None) -> None:
        if self._reports.frame is not None:
            self._reports.frame(self.name, self._keys.hide_in(asked(call, reply)))

    def _note_used_up(self, refusal: AccessDenied) -> None:
        budgets = self.provider.limits.budgets
        api_key = self.provider.api_key()
        self._call_counts.note_refusal(self.name, api_key, budgets, refusal, self._clock())

    def _take(self, ticks: list[Tick]) -> None:
        self._delays = backoff(random.Random())
        self._failures_in_a_row = 0
        self._last_message_at = self._clock()
        if self._state is not FeedState.POLLING:
            self._set_state(FeedState.POLLING)
            self._reports.condition(self.name, HealthState.HEALTHY, self._number)
        # A table may bring more symbols than were requested.
        brought = {tick.symbol for tick in ticks}
        names = [name for name, symbol in self._names.items() if symbol in brought]
        self._schedule.asked(names, self._timing.now())
        for tick in ticks:
            self._reports.tick(tick)

    def _fail(self, error: FeedError, names: Iterable[str] = ()) -> None:
        doublings = min(self._failures_in_a_row, _MOST_DOUBLINGS)
        self._failures += 1
        self._failures_in_a_row += 1
        self._note_problem(error.problem.code, error.problem.figures)
        self._schedule.failed(names)
        wait = wait_after(error, self._delays)
        if not isinstance(error, FeedUnreached):
            wait = max(wait, min(self._schedule.interval, _AGAIN * 2**doublings))
        self._ask_at = self._timing.now() + wait
        self._set_state(FeedState.WAITING)
        self._reports.condition(self.name, HealthState.DOWN, 0)

    def _set_state(self, state: FeedState) -> None:
        if state is not self._state:
            self._state = state
            self._reports.changed(self.name)

    def _note_problem(self, code: FeedCode, figures: FeedFigures) -> None:
        before = self._problem
        self._problem = problem = without_secrets(FeedProblem(code, figures), self._keys.hide)
        sentence = problem_sentence(problem)
        if before is None or sentence != problem_sentence(before):
            _log.warning("%s: %s", self.name, sentence)
