"""One thread that waits for all sockets and all deadlines of a process."""

import heapq
import logging
import math
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from omcrm.concurrency import EpollWaiter, native_epoll, native_lock
from omcrm.streaming.garbage import Garbage
from omcrm.streaming.lag import LagMeter
from omcrm.streaming.throttled_log import ThrottledLog

if TYPE_CHECKING:
    import select
    from threading import Lock

# epoll's own values; under green threads the module does not show them.
READ, WRITE = 1, 4
# Reported whether it was asked for or not.
_GONE = 8 | 16

_MOST_EVENTS = 256
_STRIPES = 16
# Others are let run after so many seconds of work.
_TURN = 0.004
# So many moments may lie in the heap at which nothing is due any more, or as many as there are
# others: then the heap is made anew.
_FEW_DEAD = 64
_ENDED = -math.inf

_log = logging.getLogger(__name__)


class SocketHandler(Protocol):
    """What stands behind a descriptor; called in the reactor's thread, so it must be quick."""

    def on_readable(self) -> None:
        """There is something to read, or the peer is gone."""

    def on_writable(self) -> None:
        """The socket takes data again."""

    def abort(self, why: str) -> None:
        """Something failed: end at once."""

    def close(self, code: int, reason: str) -> None:
        """End as the protocol wants it; called in any thread."""


class Timed(Protocol):
    """What has deadlines."""

    next_tick: float

    def tick(self, now: float) -> float | None:
        """See what is due by now (monotonic seconds); when to look again, None for never."""


class DelayedCall:
    """A call that waits for its time."""

    def __init__(self, call: Callable[..., object], *values: object) -> None:
        self.next_tick = math.inf
        self._call = call
        self._values = values

    def tick(self, now: float) -> None:
        """It has come."""
        self._call(*self._values)


class Reactor:
    """Calls those whose socket is ready and those whose time has come, in a thread of its own.

    The thread begins with the first user. Thread-safe. `counters` holds what happened to
    connections, by name.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._lock = native_lock()
        self._stripes = [native_lock() for _ in range(_STRIPES)]
        self._watched: dict[int, SocketHandler] = {}
        # A heap of moments, and what is due at each: what is over leaves at once, its moment when
        # that comes, or with many others.
        self._moments: list[float] = []
        self._due: dict[float, Timed] = {}
        self._soon: deque[Callable[[], None]] = deque()
        self._epoll: select.epoll | None = None
        self._bell = -1
        self._waits_until = 0.0
        self._garbage = Garbage()
        self.lag_meter = LagMeter(lambda: bool(self._watched), self._tidy)
        self._failures = ThrottledLog(_log)

    def start(self) -> None:
        """Begin to wait; twice is once."""
        with self._lock:
            if self._epoll is not None:
                return
            self._epoll = native_epoll()
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._epoll.register(self._bell, READ)
        threading.Thread(target=self._run, name="reactor", daemon=True).start()
        threading.Thread(target=self.lag_meter.run, name="pulse", daemon=True).start()

    def lock_for(self, descriptor: int) -> "Lock":
        """The lock of a descriptor; few share many, because each lock of its own costs a look into
        slow memory for every frame. Nobody may hold two.
        """
        return self._stripes[descriptor % _STRIPES]

    def watch(self, descriptor: int, watched: SocketHandler) -> None:
        """Tell `watched` when the descriptor can be read."""
        self.start()
        self._watched[descriptor] = watched
        self._watching().register(descriptor, READ)

    def interest(self, descriptor: int, mask: int) -> None:
        """From now on tell about READ, WRITE, both or (0) neither."""
        self._watching().modify(descriptor, mask)

    def forget(self, descriptor: int) -> None:
        """Tell nothing more about the descriptor; call it before that is closed."""
        if self._watched.pop(descriptor, None) is not None:
            self._watching().unregister(descriptor)

    def at(self, when: float, timed: Timed) -> None:
        """Call `timed.tick` at this time (monotonic seconds), or earlier as already arranged.

        Nothing happens after `never`.
        """
        self.start()
        with self._lock:
            if timed.next_tick <= when:
                return
            self._drop(timed)
            # Each has a moment of its own.
            while when in self._due:
                when = math.nextafter(when, math.inf)
            timed.next_tick = when
            self._due[when] = timed
            heapq.heappush(self._moments, when)
            wakes = when < self._waits_until
        if wakes:
            self._ring()

    def never(self, timed: Timed) -> None:
        """Keep no deadline of what is over, and take none from it any more."""
        with self._lock:
            self._drop(timed)
            timed.next_tick = _ENDED

    def timers(self) -> int:
        """How many deadlines are kept."""
        return len(self._due)

    def soon(self, job: Callable[[], None]) -> None:
        """Run a quick job in the reactor's thread."""
        self.start()
        self._soon.append(job)
        self._ring()

    def connections(self) -> int:
        """How many descriptors are watched."""
        return len(self._watched)

    def close_all(self, code: int, reason: str) -> None:
        """Close every connection; twice is once."""
        for watched in tuple(self._watched.values()):
            watched.close(code, reason)

    def _drop(self, timed: Timed) -> None:
        """Keep the deadline no more; with the lock held."""
        if self._due.pop(timed.next_tick, None) is None:
            return
        if len(self._moments) > 2 * len(self._due) + _FEW_DEAD:
            self._moments = list(self._due)
            heapq.heapify(self._moments)

    def _tidy(self) -> None:
        self._garbage.tidy(self.counters["opened"] + self.counters["closed"], len(self._watched))

    def _watching(self) -> "select.epoll":
        assert self._epoll is not None, "the reactor has not been started"
        return self._epoll

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        poller = EpollWaiter(self._watching())
        while True:
            events = poller.poll(self._patience(), _MOST_EVENTS)
            until = time.monotonic() + _TURN
            for descriptor, mask in events:
                self._handle(descriptor, mask)
                if time.monotonic() > until:
                    time.sleep(0)
                    until = time.monotonic() + _TURN
            # Those given meanwhile wait for the next round.
            for _ in range(len(self._soon)):
                self._call(self._soon.popleft())
                if time.monotonic() > until:
                    time.sleep(0)
                    until = time.monotonic() + _TURN
            self._tick()

    def _patience(self) -> float | None:
        with self._lock:
            if self._soon:
                return 0.0
            if not self._moments:
                self._waits_until = math.inf
                return None
            self._waits_until = self._moments[0]
            return max(0.0, self._waits_until - time.monotonic())

    def _handle(self, descriptor: int, mask: int) -> None:
        if descriptor == self._bell:
            os.eventfd_read(self._bell)
            return
        watched = self._watched.get(descriptor)
        if watched is None:
            return
        try:
            if mask & WRITE:
                watched.on_writable()
            if mask & (READ | _GONE) and self._watched.get(descriptor) is watched:
                watched.on_readable()
        except Exception:
            self._failures.exception("a connection failed")
            self._call(lambda: watched.abort("failed"))

    def _call(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            self._failures.exception("a job of the reactor failed")

    def _tick(self) -> None:
        now = time.monotonic()
        until = now + _TURN
        while True:
            with self._lock:
                if not self._moments or self._moments[0] > now:
                    return
                timed = self._due.pop(heapq.heappop(self._moments), None)
                if timed is None:
                    continue
                timed.next_tick = math.inf
            try:
                again = timed.tick(now)
            except Exception:
                self._failures.exception("a deadline failed")
                continue
            if again is not None:
                self.at(again, timed)
            if time.monotonic() > until:
                time.sleep(0)
                until = time.monotonic() + _TURN
