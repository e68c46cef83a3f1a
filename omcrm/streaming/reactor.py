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

# epoll's own values; patched select modules lack them.
READ, WRITE = 1, 4
# Always reported by epoll.
_GONE = 8 | 16

_MOST_EVENTS = 256
_STRIPES = 16
# The reactor yields to other threads after so many seconds of work.
_TIME_SLICE = 0.004
# So many cancelled times may stay in the heap, or as many as there are live ones: beyond that the
# heap is rebuilt.
_FEW_DEAD = 64
_ENDED = -math.inf

_log = logging.getLogger(__name__)


class SocketHandler(Protocol):
    """Handles a descriptor's events; called in the reactor's thread, so it must be quick."""

    def on_readable(self) -> None:
        """The socket is readable, or the peer has closed it."""

    def on_writable(self) -> None:
        """The socket is writable again."""

    def abort(self, reason: str) -> None:
        """End at once after a failure."""

    def close(self, code: int, reason: str) -> None:
        """End with the protocol's closing handshake; called in any thread."""


class Timed(Protocol):
    """An object with deadlines."""

    next_tick: float

    def tick(self, now: float) -> float | None:
        """Handle what is due by now (monotonic seconds); the next deadline, None for none."""


class DelayedCall:
    """A call at a later time."""

    def __init__(self, call: Callable[..., object], *values: object) -> None:
        self.next_tick = math.inf
        self._call = call
        self._values = values

    def tick(self, now: float) -> None:
        """Make the call."""
        self._call(*self._values)


class Reactor:
    """Calls the handlers of ready sockets and due deadlines, in a thread of its own.

    The thread starts with the first use. Thread-safe. `counters` counts the events of connections,
    by name.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._lock = native_lock()
        self._stripes = [native_lock() for _ in range(_STRIPES)]
        self._watched: dict[int, SocketHandler] = {}
        # A heap of times, and what is due at each. `_drop` removes from `_due` at once; the time
        # stays in the heap until it comes or the heap is rebuilt.
        self._moments: list[float] = []
        self._due: dict[float, Timed] = {}
        self._soon: deque[Callable[[], None]] = deque()
        self._epoll: select.epoll | None = None
        self._wake_fd = -1
        self._waits_until = 0.0
        self._garbage = Garbage()
        self.lag_meter = LagMeter(lambda: bool(self._watched), self._tidy)
        self._failures = ThrottledLog(_log)

    def start(self) -> None:
        """Start the threads; a second call does nothing."""
        with self._lock:
            if self._epoll is not None:
                return
            self._epoll = native_epoll()
            self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._epoll.register(self._wake_fd, READ)
        threading.Thread(target=self._run, name="reactor", daemon=True).start()
        threading.Thread(target=self.lag_meter.run, name="lag-meter", daemon=True).start()

    def lock_for(self, descriptor: int) -> "Lock":
        """The lock of a descriptor; a few locks are shared by all, because one per descriptor would
        cost a cache miss for every frame. No thread may hold two.
        """
        return self._stripes[descriptor % _STRIPES]

    def watch(self, descriptor: int, handler: SocketHandler) -> None:
        """Call `handler` when the descriptor is readable."""
        self.start()
        self._watched[descriptor] = handler
        self._watching().register(descriptor, READ)

    def interest(self, descriptor: int, mask: int) -> None:
        """Set the events to report: READ, WRITE, both or (0) neither."""
        self._watching().modify(descriptor, mask)

    def forget(self, descriptor: int) -> None:
        """Report nothing more about the descriptor; call it before closing that."""
        if self._watched.pop(descriptor, None) is not None:
            self._watching().unregister(descriptor)

    def at(self, when: float, timed: Timed) -> None:
        """Call `timed.tick` at this time (monotonic seconds), or at its earlier deadline if any.

        Ignored after `never`.
        """
        self.start()
        with self._lock:
            if timed.next_tick <= when:
                return
            self._drop(timed)
            # Each deadline has a time of its own.
            while when in self._due:
                when = math.nextafter(when, math.inf)
            timed.next_tick = when
            self._due[when] = timed
            heapq.heappush(self._moments, when)
            wakes = when < self._waits_until
        if wakes:
            self._wake()

    def never(self, timed: Timed) -> None:
        """Cancel the deadline of an ended object, and accept none from it any more."""
        with self._lock:
            self._drop(timed)
            timed.next_tick = _ENDED

    def timers(self) -> int:
        """The number of deadlines."""
        return len(self._due)

    def soon(self, job: Callable[[], None]) -> None:
        """Run a quick job in the reactor's thread."""
        self.start()
        self._soon.append(job)
        self._wake()

    def connections(self) -> int:
        """The number of watched descriptors."""
        return len(self._watched)

    def close_all(self, code: int, reason: str) -> None:
        """Close every connection; a second call is harmless."""
        for handler in tuple(self._watched.values()):
            handler.close(code, reason)

    def _drop(self, timed: Timed) -> None:
        """Cancel the deadline; with the lock held."""
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

    def _wake(self) -> None:
        os.eventfd_write(self._wake_fd, 1)

    def _run(self) -> None:
        poller = EpollWaiter(self._watching())
        while True:
            events = poller.poll(self._timeout(), _MOST_EVENTS)
            until = time.monotonic() + _TIME_SLICE
            for descriptor, mask in events:
                self._handle(descriptor, mask)
                if time.monotonic() > until:
                    time.sleep(0)
                    until = time.monotonic() + _TIME_SLICE
            # Jobs added meanwhile wait for the next round.
            for _ in range(len(self._soon)):
                self._call(self._soon.popleft())
                if time.monotonic() > until:
                    time.sleep(0)
                    until = time.monotonic() + _TIME_SLICE
            self._tick()

    def _timeout(self) -> float | None:
        with self._lock:
            if self._soon:
                return 0.0
            if not self._moments:
                self._waits_until = math.inf
                return None
            self._waits_until = self._moments[0]
            return max(0.0, self._waits_until - time.monotonic())

    def _handle(self, descriptor: int, mask: int) -> None:
        if descriptor == self._wake_fd:
            os.eventfd_read(self._wake_fd)
            return
        handler = self._watched.get(descriptor)
        if handler is None:
            return
        try:
            if mask & WRITE:
                handler.on_writable()
            if mask & (READ | _GONE) and self._watched.get(descriptor) is handler:
                handler.on_readable()
        except Exception:
            self._failures.exception("a connection failed")
            self._call(lambda: handler.abort("failed"))

    def _call(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            self._failures.exception("a job of the reactor failed")

    def _tick(self) -> None:
        now = time.monotonic()
        until = now + _TIME_SLICE
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
                until = time.monotonic() + _TIME_SLICE
