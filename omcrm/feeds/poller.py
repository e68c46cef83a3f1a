"""Polls one upstream over HTTP, in batches and within its quota, and reports its status.

Long for a reason: every way in which a call can fail is handled in one place.
"""

import contextlib
import logging
import random
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from msgspec import structs

from omcrm.errors import FeedError, FeedRefused, FeedUnreached
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.poll_results import PollResults, is_lasting
from omcrm.feeds.poll_schedule import PollSchedule
from omcrm.feeds.provider import (
    AccessDenied,
    Call,
    FrameContext,
    PollProvider,
    Reply,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.quota import BudgetUse, CallCounts
from omcrm.feeds.recorder import asked
from omcrm.feeds.recording_date import recorded_at
from omcrm.feeds.retry import backoff, wait_after
from omcrm.feeds.status import Meter, without_secrets
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import ORDINARY, FeedClock
from omcrm.market.clock import Clock
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem
from omcrm.market.feed_sentence import problem_sentence
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.price_class import PriceClass
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
# A longer wait for the quota is a state of its own.
_LONGEST_PAUSE = 60.0
_MOST_NAMED = 5


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
        replay_of: Collection[str] = (),
    ) -> None:
        self.provider = provider
        self._replay_of = replay_of
        self._recorded_at: datetime | None = None
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
        self._name_of: Mapping[str, str] = {}
        self._fetcher = Fetcher()
        self._delays = backoff(random.Random())
        self._ask_at = 0.0
        self._number = 0
        self._state = FeedState.STOPPED
        self._cause: FeedProblem | None = None
        self._health = HealthState.DOWN
        self._results = PollResults()
        self._unserved: frozenset[str] = frozenset()
        # The names in the call that is under way.
        self._under_way: tuple[str, ...] = ()
        # Why no call is made or none succeeds, and since when.
        self._failure: FeedProblem | None = None
        self._failing_since: float | None = None
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
        self._name_of = {symbol: name for name, symbol in names.items()}
        self._wake.set()

    def awaits(self, symbol: str) -> bool:
        """Whether its price of this symbol (ours) is under way, or about to be asked for.

        It is not while the source is off or down, nor where its last answer is recent.
        """
        name = self._name_of.get(symbol)
        if name is None or self._health in (HealthState.OFF, HealthState.DOWN):
            return False
        if name in self._under_way:
            return True
        is_over = self._schedule.is_over(name, self._timing.now())
        return is_over and self._schedule.is_wanted(symbol)

    def start(self) -> None:
        """Begin to poll, in the background."""
        with self._lock:
            if self._thread is not None:
                return
            self._fetcher, self._ask_at = Fetcher(), 0.0
            self._number += 1
            self._results = PollResults()
            self._end_failure()
            self._thread = threading.Thread(
                target=self._run, args=[self._fetcher], name=f"feed-{self.name}", daemon=True
            )
            self._report(HealthState.PENDING)
            self._report_unserved()
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
        problem, claim = self._problem, self.provider.source.claim
        return FeedStatus(
            state=self._state,
            active=self._state is FeedState.POLLING,
            type="http",
            last_message_at=self._last_message_at,
            messages=self._meter.total,
            messages_per_second=round(self._meter.rate(self._timing.now()), 3),
            reconnects=self._failures,
            last_error=None if problem is None else problem_sentence(problem),
            price_class=claim if self._recorded_at is None else PriceClass.REPLAYED,
            symbols=len(self._names),
            unreadable=self._unreadable,
            problem=problem,
            cause=self._cause,
            recorded_at=self._recorded_at,
        )

    # The polling thread

    def _run(self, fetcher: Fetcher) -> None:
        cause: FeedProblem | None = None
        try:
            self._set_state(FeedState.CONNECTING)
            while not fetcher.closed:
                self._step(self._timing.now())
                self._timing.wait(self._wake, _STEP)
                self._wake.clear()
        except Exception as error:
            _log.exception("polling %s failed", self.name)
            cause = self._note(FeedCode.POLLER_DIED, FeedFigures(detail=repr(error)))
        finally:
            fetcher.close()
            self._set_state(FeedState.STOPPED, cause)
            self._report(HealthState.DOWN)

    def _step(self, now: float) -> None:
        if now < self._ask_at:
            return
        if not self._is_set_up(now):
            return
        self._results.keep(set(self._names.values()))
        if self._has_quota_renewed():
            self._end_failure()
            self._report(HealthState.PENDING)
        names = self._schedule.due(self._names, now)
        if names:
            (call, *_) = self.provider.calls(names)
            if self._may_ask(now):
                self._ask(call, now)
        self._update_state()

    def _is_set_up(self, now: float) -> bool:
        missing = self.provider.missing()
        if missing is not None:
            self._ask_at = now + _CHECK_AGAIN
            self._problem = FeedProblem(FeedCode.SETTING_MISSING, FeedFigures(setting=missing))
            self._set_state(FeedState.OFF, self._problem)
            self._report(HealthState.OFF)
        elif self._state is FeedState.OFF:
            self._problem = None
            self._end_failure()
            self._set_state(FeedState.CONNECTING)
            self._report(HealthState.PENDING)
        return missing is None

    def _update_state(self) -> None:
        """Be in the state that what was got, and what is wanted, make true."""
        names = self._names.items()
        wanted = {symbol: name for name, symbol in names if self._schedule.is_wanted(symbol)}
        now = self._timing.now()
        if not wanted:
            self._set_state(FeedState.STANDBY)
        elif self._failure is not None:
            self._set_state(FeedState.WAITING, self._failure)
        elif any(
            self._results.has_price(symbol) and not self._schedule.is_over(name, now)
            for symbol, name in wanted.items()
        ):
            self._set_state(FeedState.POLLING)
        elif (problem := self._results.problem(wanted)) is not None:
            self._set_state(FeedState.WAITING, problem)

    # The quota

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
        self._ask_at = now + min(seconds, _LONGEST_PAUSE)
        if seconds > _LONGEST_PAUSE:
            self._failure = self._note(FeedCode.QUOTA_USED_UP, FeedFigures(until=allowed_at))
            self._report(HealthState.DOWN)

    def _has_quota_renewed(self) -> bool:
        until = self._failure.figures.until if self._failure is not None else None
        return until is not None and until <= self._clock()

    def _note_used_up(self, refusal: AccessDenied) -> None:
        budgets = self.provider.limits.budgets
        api_key = self.provider.api_key()
        self._call_counts.note_refusal(self.name, api_key, budgets, refusal, self._clock())

    # A call and its answer

    def _ask(self, call: Call, now: float) -> None:
        self._under_way = call.names
        self._schedule.asked(call.names, now)
        try:
            reply = self._fetcher.get(call)
            if not self._fetcher.closed:
                self._take(call, reply)
        except FeedError as error:
            if isinstance(error, FeedUnreached):
                self._give_back()
            if not self._fetcher.closed:
                self._record(call, None)
                self._fail(error, call.names)
        finally:
            self._under_way = ()

    def _record(self, call: Call, reply: Reply | None) -> None:
        if self._reports.frame is not None:
            self._reports.frame(self.name, self._keys.hide_in(asked(call, reply)))

    def _take(self, call: Call, reply: Reply) -> None:
        self._meter.total += 1
        self._record(call, reply)
        self._recorded_at = recorded_at(self.name, call.url, reply.headers, self._replay_of)
        arrival = FrameContext(self._clock(), self._number, self._names)
        events = list(self.provider.parse(call, reply, arrival))
        ticks = [event for event in events if isinstance(event, Tick)]
        problem: FeedProblem | None = None
        is_rejected = False
        for event in events:
            if isinstance(event, AccessDenied):
                self._note_used_up(event)
                refused = FeedRefused(event.status, event.message, event.retry_after)
                self._fail(refused, call.names)
                return
            if isinstance(event, RequestRejected):
                figures = FeedFigures(status=event.code, detail=event.message)
                problem, is_rejected = FeedProblem(FeedCode.REQUEST_REJECTED, figures), True
            elif isinstance(event, Unreadable):
                self._unreadable += 1
                figures = FeedFigures(detail=event.problem)
                problem = problem or FeedProblem(FeedCode.UNREADABLE_ANSWER, figures)
        if problem is not None and not is_rejected and not ticks:
            self._fail(FeedError(problem.code, problem.figures), call.names)
            return
        self._delays = backoff(random.Random())
        self._end_failure()
        self._note_results(call, ticks, problem, is_rejected=is_rejected)
        self._report_ticks(ticks)

    def _note_results(
        self, call: Call, ticks: list[Tick], problem: FeedProblem | None, *, is_rejected: bool
    ) -> None:
        """Note which symbols have got a price, and why the others in the call have none."""
        now, names = self._timing.now(), self._names
        # A table may bring more symbols than were requested.
        brought = {tick.symbol for tick in ticks}
        self._results.note_prices(brought)
        self._schedule.asked((name for name in names if names[name] in brought), now)
        missing = [name for name in call.names if name in names and names[name] not in brought]
        if is_rejected:
            self._schedule.suspend(missing, now + _REFUSED_FOR)
        if problem is None and missing:
            figures = FeedFigures(detail=", ".join(missing[:_MOST_NAMED]))
            problem = FeedProblem(FeedCode.NO_PRICE, figures)
        if problem is None:
            return
        is_new = not missing
        for name in missing:
            wait = self._schedule.wait(name, now)
            is_new |= self._results.note_missing(names[name], problem, now, wait)
        if is_new:
            self._note(problem.code, problem.figures)

    def _report_ticks(self, ticks: list[Tick]) -> None:
        # All before the ticks, so that the source is healthy when its prices are validated.
        self._report_unserved()
        if ticks:
            self._last_message_at = self._clock()
            self._report(HealthState.HEALTHY)
        self._update_state()
        for tick in ticks:
            self._reports.tick(structs.replace(tick, recorded_at=self._recorded_at))

    # Failures

    def _fail(self, error: FeedError, names: Iterable[str] = ()) -> None:
        doublings = min(self._failures_in_a_row, _MOST_DOUBLINGS)
        self._failures += 1
        self._failures_in_a_row += 1
        self._failure = self._note(error.problem.code, error.problem.figures)
        self._schedule.failed(names)
        wait = wait_after(error, self._delays)
        if not isinstance(error, FeedUnreached):
            wait = max(wait, min(self._schedule.interval, _AGAIN * 2**doublings))
        now = self._timing.now()
        self._ask_at = now + wait
        if self._failing_since is None:
            self._failing_since = now
        if is_lasting(self._failing_since, now, wait):
            self._report(HealthState.DOWN)

    def _end_failure(self) -> None:
        self._failure = self._failing_since = None
        self._failures_in_a_row = 0

    # Reports

    def _report(self, health: HealthState) -> None:
        if health is not self._health:
            self._health = health
            number = self._number if health is HealthState.HEALTHY else 0
            self._reports.condition(self.name, health, number)

    def _report_unserved(self) -> None:
        unserved = self._results.unserved
        if unserved != self._unserved:
            self._unserved = unserved
            self._reports.unserved(self.name, unserved)

    def _set_state(self, state: FeedState, cause: FeedProblem | None = None) -> None:
        self._cause = cause
        if state is not self._state:
            self._state = state
            self._reports.changed(self.name)

    def _note(self, code: FeedCode, figures: FeedFigures) -> FeedProblem:
        before = self._problem
        self._problem = problem = without_secrets(FeedProblem(code, figures), self._keys.hide)
        sentence = problem_sentence(problem)
        if before is None or sentence != problem_sentence(before):
            _log.warning("%s: %s", self.name, sentence)
        return problem
