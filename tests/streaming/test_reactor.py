"""Sockets, deadlines and jobs: each is called in the reactor's thread, whatever the others do.

Long for a reason: they share that thread, and their effects on each other are tested here.
"""

import logging
import math
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.streaming.reactor import READ, WRITE, DelayedCall, Reactor
from tests.processes import PATIENCE, wait_for
from tests.threads import Threads

# A reactor without due deadlines.
IDLE = Reactor()


class Watcher:
    """A handler of a socket that records its calls; may fail."""

    def __init__(self, sock: socket.socket, on_read: Callable[[], None] | None = None) -> None:
        self.sock = sock
        self.received: list[bytes] = []
        self.writables = 0
        self.aborted: list[str] = []
        self.threads: set[str] = set()
        self._on_read = on_read

    def on_readable(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.received.append(self.sock.recv(1000))
        if self._on_read is not None:
            self._on_read()

    def on_writable(self) -> None:
        self.writables += 1

    def abort(self, reason: str) -> None:
        self.aborted.append(reason)


class Clock:
    """An object with repeated deadlines."""

    def __init__(self, every: float | None = None) -> None:
        self.next_tick = float("inf")
        self.ticks: list[float] = []
        self._every = every

    def tick(self, now: float) -> float | None:
        self.ticks.append(now)
        return None if self._every is None else now + self._every


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a stream."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def run_pending(reactor: Reactor) -> None:
    """Wait until the reactor has run all jobs given so far."""
    done = threading.Event()
    reactor.soon(done.set)
    assert done.wait(PATIENCE)


def test_nothing_runs_before_the_first_use() -> None:
    """A new reactor has no thread and no descriptor."""
    threads, reactor = Threads(), Reactor()

    assert [] == threads.new()
    assert (None, -1) == (reactor._epoll, reactor._wake_fd)
    assert 0 == reactor.connections()


def test_concurrent_starts_start_one_thread() -> None:
    """However many threads start it, one thread waits."""
    threads, reactor = Threads(), Reactor()
    starters = [threading.Thread(target=reactor.start) for _ in range(8)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()

    assert 1 == threads.count("reactor")


def test_readable_sockets_are_reported(ends: tuple[socket.socket, socket.socket]) -> None:
    """In the reactor's thread, also the peer's end."""
    ours, theirs = ends
    reactor, watcher = Reactor(), Watcher(ours)
    reactor.watch(ours.fileno(), watcher)
    theirs.send(b"a")
    wait_for(lambda: watcher.received == [b"a"], 5)
    theirs.close()
    wait_for(lambda: b"" in watcher.received, 5)
    reactor.forget(ours.fileno())

    assert {"reactor"} == watcher.threads
    assert 0 == reactor.connections()


def test_only_requested_events_are_reported(ends: tuple[socket.socket, socket.socket]) -> None:
    """Writability on request; with no interest nothing, until it is set again."""
    ours, theirs = ends
    reactor, watcher = Reactor(), Watcher(ours)
    reactor.watch(ours.fileno(), watcher)
    run_pending(reactor)
    assert 0 == watcher.writables
    reactor.interest(ours.fileno(), READ | WRITE)
    wait_for(lambda: watcher.writables > 0, 5)
    reactor.interest(ours.fileno(), 0)
    run_pending(reactor)
    writables = watcher.writables
    theirs.send(b"a")
    run_pending(reactor)
    assert (writables, []) == (watcher.writables, watcher.received)
    reactor.interest(ours.fileno(), READ)

    wait_for(lambda: watcher.received == [b"a"], 5)
    reactor.forget(ours.fileno())


def test_a_forgotten_socket_is_not_reported(ends: tuple[socket.socket, socket.socket]) -> None:
    """Its descriptor may be reused at once; forgetting it twice is harmless."""
    ours, theirs = ends
    reactor, watcher = Reactor(), Watcher(ours)
    reactor.watch(ours.fileno(), watcher)
    reactor.forget(ours.fileno())
    reactor.forget(ours.fileno())
    theirs.send(b"a")
    run_pending(reactor)
    other = Watcher(ours)
    reactor.watch(ours.fileno(), other)
    wait_for(lambda: other.received == [b"a"], 5)
    reactor.forget(ours.fileno())

    assert [] == watcher.received


def test_deadlines_are_called_in_order() -> None:
    """Each a single time, not before its time, whatever order they were set in."""
    reactor, now = Reactor(), time.monotonic()
    came: list[float] = []
    times = [now + number / 100 for number in range(20)]
    for when in random.Random(1).sample(times, len(times)):
        reactor.at(when, DelayedCall(lambda when: came.append(time.monotonic() - when), when))
    order: list[int] = []
    for number in (2, 0, 1):
        reactor.at(now + 0.25 + number / 100, DelayedCall(order.append, number))
    wait_for(lambda: len(order) == 3, 5)

    assert 20 == len(came)
    assert min(came) >= 0
    assert [0, 1, 2] == order


def test_an_earlier_deadline_wakes_the_reactor() -> None:
    """While waiting for a late deadline, an earlier one is kept; a later one changes nothing."""
    reactor, clock = Reactor(), Clock()
    began = time.monotonic()
    reactor.at(began + 60, clock)
    run_pending(reactor)
    reactor.at(began + 0.05, clock)
    reactor.at(began + 30, clock)
    wait_for(lambda: clock.ticks, 10)
    time.sleep(0.1)

    assert 1 == len(clock.ticks)
    assert float("inf") == clock.next_tick


def test_tick_returns_the_next_deadline() -> None:
    """The handler is called again at that time."""
    reactor, clock = Reactor(), Clock(0.01)
    reactor.at(time.monotonic(), clock)
    wait_for(lambda: len(clock.ticks) > 5, 5)

    assert all(b - a >= 0.01 for a, b in zip(clock.ticks, clock.ticks[1:], strict=False))


def test_never_cancels_deadlines_for_good() -> None:
    """Nothing is called or held, and no new deadline is accepted; calling it twice is harmless."""
    reactor, over, clock = Reactor(), Clock(), Clock()
    reactor.at(time.monotonic() + 0.05, over)
    reactor.at(time.monotonic() + 60, Clock())
    reactor.never(over)
    reactor.never(over)
    reactor.at(time.monotonic(), over)
    reactor.at(time.monotonic() + 0.1, clock)
    wait_for(lambda: clock.ticks, 20)

    assert [] == over.ticks
    assert 1 == reactor.timers()


def test_never_during_a_tick_cancels_the_next_one() -> None:
    """It is not called again, whatever `tick` returns."""
    reactor, clock = Reactor(), Clock()

    class Ending(Clock):
        def tick(self, now: float) -> float | None:
            reactor.never(self)
            return super().tick(now)

    ending = Ending(0.0)
    reactor.at(time.monotonic(), ending)
    reactor.at(time.monotonic() + 0.05, clock)
    wait_for(lambda: clock.ticks, 20)

    assert 1 == len(ending.ticks)
    assert 0 == reactor.timers()


def test_deadlines_at_the_same_time_are_all_called() -> None:
    """In the order in which they were set."""
    reactor, order, when = Reactor(), list[int](), time.monotonic() + 0.05
    for number in range(100):
        reactor.at(when, DelayedCall(order.append, number))
    wait_for(lambda: len(order) == 100, 20)

    assert list(range(100)) == order


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(["at", "never", "new"]), st.integers(0, 20))))
def test_cancelled_deadlines_are_bounded(acts: list[tuple[str, int]]) -> None:
    """However deadlines change: at most twice the live ones, and a few, are kept."""
    reactor, far = IDLE, time.monotonic() + 1000
    clocks = [Clock() for _ in range(21)]
    for act, number in acts * 20:
        if act == "at":
            reactor.at(min(clocks[number].next_tick, far) - number, clocks[number])
        elif act == "never":
            reactor.never(clocks[number])
        else:
            reactor.never(clocks[number])
            clocks[number] = Clock()
            reactor.at(far + number, clocks[number])
    due = [clock for clock in clocks if math.isfinite(clock.next_tick)]

    assert len(due) == reactor.timers()
    assert len(reactor._moments) <= 2 * len(due) + 65
    for clock in clocks:
        reactor.never(clock)


@pytest.mark.usefixtures("restless")
def test_no_deadline_is_lost_among_threads() -> None:
    """Many threads set deadlines concurrently; each is called."""
    reactor = Reactor()
    clocks = [[Clock() for _ in range(100)] for _ in range(4)]

    def give(own: list[Clock]) -> None:
        chance = random.Random(1)
        for clock in own:
            reactor.at(time.monotonic() + chance.random() / 20, clock)

    threads = [threading.Thread(target=give, args=(own,)) for own in clocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wait_for(lambda: all(clock.ticks for own in clocks for clock in own), 10)


def test_jobs_keep_their_order() -> None:
    """Jobs run in the reactor's thread, in the order in which they were given."""
    reactor = Reactor()
    done: list[tuple[int, str]] = []
    for number in range(1000):
        reactor.soon(lambda number=number: done.append((number, threading.current_thread().name)))
    run_pending(reactor)

    assert [(number, "reactor") for number in range(1000)] == done


def test_sockets_are_read_between_jobs(ends: tuple[socket.socket, socket.socket]) -> None:
    """A job that always queues the next one does not keep sockets from being read."""
    ours, theirs = ends
    reactor, watcher = Reactor(), Watcher(ours)
    stop = threading.Event()

    def again() -> None:
        if not stop.is_set():
            reactor.soon(again)

    reactor.watch(ours.fileno(), watcher)
    reactor.soon(again)
    theirs.send(b"a")
    try:
        wait_for(lambda: watcher.received == [b"a"], 5)
    finally:
        stop.set()
        run_pending(reactor)
    reactor.forget(ours.fileno())


def test_failures_are_logged_and_survived(
    ends: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    """A failing handler is aborted; a failing job or deadline is dropped; the log is throttled."""
    ours, theirs = ends
    reactor = Reactor()

    def fail(*_: object) -> None:
        raise ValueError("expected")

    watcher = Watcher(ours, fail)
    reactor.watch(ours.fileno(), watcher)
    theirs.send(b"a")
    wait_for(lambda: watcher.aborted, 5)
    reactor.forget(ours.fileno())
    for _ in range(100):
        reactor.soon(fail)
        reactor.at(time.monotonic(), DelayedCall(fail))
    run_pending(reactor)
    clock = Clock()
    reactor.at(time.monotonic(), clock)
    wait_for(lambda: clock.ticks, 5)

    assert ["failed"] == watcher.aborted
    assert 1 <= len(caplog.records) <= 3
    assert {logging.ERROR} == {record.levelno for record in caplog.records}
