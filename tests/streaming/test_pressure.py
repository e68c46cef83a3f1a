"""The fan-out over real sockets, with pages that do anything and read at any speed.

Longer than most for a reason: a page that keeps to the protocol, and the checks of what it gets,
belong together.
"""

import itertools
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.market.quote import Quote
from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.fanout import FanOut, ResumeToken
from omcrm.streaming.frame import text_frame
from omcrm.streaming.rate_tier import Batch
from omcrm.streaming.reactor import Reactor
from tests.processes import PATIENCE, wait_for
from tests.streaming.pair import tcp_pair
from tests.values import quote, trade

WINDOW = 0.005
SYMBOLS = "ABCD"
# The kernel's buffer is as small as possible, so that batches are written in parts.
LIMITS = ConnectionLimits(backlog=8000, kernel_buffer=1)
_PADDING = "." * 1000
_EVENT = 400
# The largest write: all symbols in one batch.
_LARGEST = len(SYMBOLS) * (len(_PADDING) + 40)


def price(symbol: str, seq: int) -> Quote:
    """A quote; most quotes with neighbouring numbers have the same price."""
    return quote(trade(str(1 + seq // 8 % 2), seq), symbol=symbol, seq=seq)


def same_price(one: Quote, other: Quote) -> bool:
    return one.last == other.last


def written(quote: Quote) -> str:
    return f"price {quote.symbol} {quote.seq} {_PADDING}"


class ServerEnd:
    """The server's end of one connection of a page."""

    def __init__(self, fanout: FanOut, reactor: Reactor, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._fanout = fanout
        self._ready_callback: Callable[[], None] = lambda: None
        self.connection = WebSocketConnection(sock, reactor, LIMITS)
        self.subscriber = fanout.add(self, written)
        self.connection.start(self, text_frame(b"welcome"))

    def try_send(self, state: Batch, *, asked: bool = False) -> bool:
        return self.connection.try_send(state.framed)

    def direct(self) -> WebSocketConnection:
        return self.connection

    def on_ready(self, ready_callback: Callable[[], None]) -> None:
        self._ready_callback = ready_callback

    def received(self, message: str | bytes) -> None:
        """Ignored: pages send nothing."""

    def writable(self) -> None:
        self._ready_callback()

    def lost(self) -> None:
        """Ignored: `Page.event` counts dropped events itself."""

    def closed(self) -> None:
        self._fanout.remove(self.subscriber)

    def queued_bytes(self) -> int:
        """The number of bytes queued for the page."""
        with self.connection._lock:
            return sum(len(chunk) for chunk in self.connection._pending)


class Shared(NamedTuple):
    """The state shared by all pages."""

    fanout: FanOut
    reactor: Reactor
    newest: dict[str, int]
    pair: Callable[[], tuple[socket.socket, socket.socket]]


class Page:
    """A client that knows only what it has read; it subscribes like a browser and checks its input.

    Its stream contains prices, numbered events, the symbols that may follow, and resume points.
    """

    timeout = PATIENCE

    def __init__(self, shared: Shared, name: str) -> None:
        self._shared = shared
        self._name = name
        self._mine = threading.RLock()
        self.wanted: set[str] = set()
        self.held: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._epoch, self._seq = "", 0
        self._rate = 1 / WINDOW
        self._connect()

    def _connect(self) -> None:
        ours, self._socket = self._shared.pair()
        self._socket.setblocking(False)
        self.server_end = ServerEnd(self._shared.fanout, self._shared.reactor, ours)
        self._unread = b""
        self._may: set[str] = set()
        self._events, self._last_event = itertools.count(1), 0
        self._has_lost = False

    # Requests

    def subscribe(
        self, symbols: str, rate: float | None = None, since: ResumeToken | None = None
    ) -> None:
        with self._mine:
            self.wanted |= set(symbols)
            self._rate = rate or self._rate
            self._send(f"may {''.join(sorted(self.wanted))}")
            subscriber = self.server_end.subscriber
            resume_point = self._shared.fanout.subscribe(subscriber, symbols, self._rate, since)
            self._send(f"at {resume_point.epoch} {resume_point.seq}")

    def unsubscribe(self, symbols: str) -> None:
        with self._mine:
            self.wanted -= set(symbols)
            self._shared.fanout.unsubscribe(self.server_end.subscriber, symbols)
            self._send(f"may {''.join(sorted(self.wanted))}")

    def come_back(self) -> None:
        """Lose the connection, and resume on another one as far as possible."""
        with self._mine:
            self._socket.close()
            wanted, self.wanted = self.wanted, set()
            since = None if self._has_lost else ResumeToken(self._epoch, self._seq)
            # Only held symbols can be resumed.
            self.held = {name: seq for name, seq in self.held.items() if name in wanted}
            self._connect()
            if self.held:
                self.subscribe("".join(self.held), since=since)
            if wanted != self.held.keys():
                self.subscribe("".join(wanted - self.held.keys()))

    def event(self) -> None:
        with self._mine:
            self._send(f"event {next(self._events)} {'.' * _EVENT}")

    def _send(self, text: str) -> None:
        dropped = self._shared.reactor.counters["events_dropped"]
        self.server_end.connection.send(text_frame(text.encode()))
        if self._shared.reactor.counters["events_dropped"] != dropped:
            self._has_lost = True

    # Reading

    def read(self, most: int) -> bool:
        """Read and check at most so many bytes; whether any came."""
        with self._mine:
            came = b""
            with suppress(BlockingIOError):
                came = self._socket.recv(most)
            self._unread += came
            while (frame := self._whole_frame()) is not None:
                start, end = frame
                self._take(self._unread[start:end].decode())
                self._unread = self._unread[end:]
            return bool(came)

    def _whole_frame(self) -> tuple[int, int] | None:
        """The start and end of the first frame's payload; None until it is complete."""
        if len(self._unread) < 4:
            return None
        assert 0x81 == self._unread[0], f"{self._name}: not a whole text: {self._unread[:20]!r}"
        assert self._unread[1] <= 126, f"{self._name}: masked, or larger than anything sent"
        start, length = 2, self._unread[1]
        if length == 126:
            start, length = 4, int.from_bytes(self._unread[2:4])
        return (start, start + length) if len(self._unread) >= start + length else None

    def _take(self, text: str) -> None:
        kind, *values = text.split()
        if kind == "price":
            self._take_price(values[0], int(values[1]))
        elif kind == "event":
            number = int(values[0])
            assert number == self._last_event + 1 or (
                self._has_lost and number > self._last_event
            ), f"{self._name}: event {number} after {self._last_event}"
            self._last_event = number
        elif kind == "may":
            self._may = set(values[0]) if values else set()
            self.held = {name: seq for name, seq in self.held.items() if name in self._may}
        elif kind == "at":
            epoch, seq = values[0], int(values[1])
            self._seq = max(self._seq, seq) if epoch == self._epoch else seq
            self._epoch = epoch

    def _take_price(self, symbol: str, seq: int) -> None:
        assert symbol in self._may or self._has_lost, f"{self._name}: {symbol} was unwatched"
        assert seq >= self._seen.get(symbol, 0), (
            f"{self._name}: {symbol} went from {self._seen[symbol]} back to {seq}"
        )
        self._seen[symbol] = self.held[symbol] = seq
        self._seq = max(self._seq, seq)

    # Checks

    def check(self) -> None:
        kept = self.server_end.queued_bytes()

        assert kept <= LIMITS.backlog + _LARGEST, f"{self._name}: {kept} bytes are kept for it"

    def catch_up(self) -> None:
        """Read until the page has the newest quotes."""
        if self._has_lost:
            # As `reload` asks it to: the dropped events may include a resume point.
            self._read_until(lambda: not self.server_end.connection.blocked)
            self.come_back()
        self._read_until(lambda: self.held == self._expected())

    def _expected(self) -> dict[str, int]:
        return {item: seq for item, seq in self._shared.newest.items() if item in self.wanted}

    def _read_until(self, done: Callable[[], bool]) -> None:
        """Read until `done`, and to the end of a whole message."""
        until = time.monotonic() + Page.timeout
        while self.read(1 << 20) or self._unread or not done():
            if time.monotonic() > until:
                # Saves time while Hypothesis shrinks the example.
                Page.timeout = 0.5
                pytest.fail(f"{self._name} should have {self._expected()}, has {self.held}")
            time.sleep(0.001)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module", autouse=True)
def hasty() -> Iterator[None]:
    """Shortens the interval of alike quotes, and records every flush."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("omcrm.streaming.rate_tier._ALIKE_INTERVAL", 4 * WINDOW)
        patched.setattr("omcrm.streaming.rate_tier._RECORD_EVERY", WINDOW)
        yield


@contextmanager
def pages_on(
    reactor: Reactor,
    count: int,
    pair: Callable[[], tuple[socket.socket, socket.socket]] = socket.socketpair,
) -> Iterator[tuple[Shared, list[Page]]]:
    """So many pages on a running fan-out; nothing of them may be left afterwards."""
    shared = Shared(FanOut(WINDOW, same_price), reactor, {}, pair)
    shared.fanout.start()
    with ExitStack() as stack:
        stack.callback(wait_for, lambda: not reactor.connections(), 20, "the last connection's end")
        stack.callback(shared.fanout.stop)
        pages = [Page(shared, f"page {number}") for number in range(count)]
        for page in pages:
            stack.callback(page.close)
        yield shared, pages


# One after the other, in any order


class Tick(NamedTuple):
    """These symbols change."""

    symbols: str

    def do(self, shared: Shared, pages: list[Page]) -> None:
        for symbol in self.symbols:
            seq = max(shared.newest.values(), default=0) + 1
            shared.newest[symbol] = seq
            shared.fanout.take(price(symbol, seq))


class Subscribe(NamedTuple):
    """A page subscribes to these, perhaps at another rate."""

    page: int
    symbols: str
    windows: int

    def do(self, shared: Shared, pages: list[Page]) -> None:
        pages[self.page].subscribe(self.symbols, 1 / WINDOW / self.windows)


class Unsubscribe(NamedTuple):
    """A page unsubscribes from these."""

    page: int
    symbols: str

    def do(self, shared: Shared, pages: list[Page]) -> None:
        pages[self.page].unsubscribe(self.symbols)


class Read(NamedTuple):
    """A page reads a little."""

    page: int
    most: int

    def do(self, shared: Shared, pages: list[Page]) -> None:
        pages[self.page].read(self.most)


class Event(NamedTuple):
    """A page is sent so many events."""

    page: int
    count: int

    def do(self, shared: Shared, pages: list[Page]) -> None:
        for _ in range(self.count):
            pages[self.page].event()


class ComeBack(NamedTuple):
    """A page reads so many bytes, loses its connection, and resumes."""

    page: int
    most: int

    def do(self, shared: Shared, pages: list[Page]) -> None:
        pages[self.page].read(self.most)
        pages[self.page].come_back()


class Wait(NamedTuple):
    """Nothing happens for so many windows."""

    windows: float

    def do(self, shared: Shared, pages: list[Page]) -> None:
        time.sleep(self.windows * WINDOW)


PAGES = 2
some = st.sets(st.sampled_from(SYMBOLS), min_size=1).map(lambda subset: "".join(sorted(subset)))
anyone = st.integers(0, PAGES - 1)
steps = st.one_of(
    st.builds(Tick, some),
    st.builds(Tick, some),
    st.builds(Read, anyone, st.sampled_from([100, 1500, 10_000])),
    st.builds(Read, anyone, st.sampled_from([1500, 10_000])),
    st.builds(Wait, st.sampled_from([0, 0.5, 1.2])),
    st.builds(Subscribe, anyone, some, st.sampled_from([1, 1, 1, 1, 2])),
    st.builds(Unsubscribe, anyone, some),
    st.builds(Event, anyone, st.sampled_from([1, 1, 2, 30])),
    st.builds(ComeBack, anyone, st.sampled_from([0, 1500, 5000, 100_000])),
)


# If it fails, shrinking the example takes some minutes.
@pytest.mark.timeout(500)
@settings(derandomize=True, database=None, max_examples=200)
@given(st.lists(steps, min_size=10, max_size=80))
def test_every_page_sees_prices_go_forward_and_ends_with_the_newest(
    reactor: Reactor, history: list[Tick | Subscribe | Unsubscribe | Read | Event | ComeBack | Wait]
) -> None:
    """Only whole messages, none of unsubscribed symbols, none older, and the newest of each."""
    with pages_on(reactor, PAGES) as (shared, pages):
        Tick(SYMBOLS).do(shared, pages)
        for page in pages:
            page.subscribe(SYMBOLS)
            page.catch_up()
        for step in history:
            step.do(shared, pages)
            for page in pages:
                page.check()
        for page in pages:
            page.catch_up()


# Concurrently


@pytest.mark.parametrize("pair", [socket.socketpair, tcp_pair])
def test_concurrent_ticks_subscriptions_and_reads(
    reactor: Reactor, restless: None, pair: Callable[[], tuple[socket.socket, socket.socket]]
) -> None:
    """Two threads publish and overtake each other, one subscribes, one reads a little."""
    over, numbers, chance = threading.Event(), itertools.count(1), random.Random(7)
    with pages_on(reactor, 6, pair) as (shared, pages):

        def tick(symbols: str) -> None:
            for _ in range(1500):
                seq = next(numbers)
                symbol = symbols[seq % len(symbols)]
                shared.fanout.take(price(symbol, seq))
                shared.newest[symbol] = seq
                time.sleep(0.0005)

        def ask() -> None:
            while not over.is_set():
                page, some = chance.choice(pages), "".join(chance.sample(SYMBOLS, 2))
                page.unsubscribe(some)
                page.event()
                page.subscribe(some, rate=chance.choice([None, None, 1 / WINDOW, 0.5 / WINDOW]))
                time.sleep(0.001)

        def read() -> None:
            while not over.is_set():
                page = random.choice(pages)
                page.read(random.choice([10, 1000, 100_000]))
                page.check()
                if random.random() < 0.02:
                    page.come_back()
                time.sleep(0.0005)

        others = [threading.Thread(target=action) for action in (ask, read)]
        tickers = [threading.Thread(target=tick, args=(symbols,)) for symbols in ("AB", "CD")]
        for thread in (*others, *tickers):
            thread.start()
        for thread in tickers:
            thread.join()
        over.set()
        for thread in others:
            thread.join()
        for client in pages:
            client.catch_up()
