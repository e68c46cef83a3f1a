"""Thousands of pages that come back by themselves, as those in browsers do, and how long each had
no live price.
"""

import contextlib
import heapq
import random
import select
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.fanout.client_dialect import HandshakeRefused
from bench.fanout.client_handshake import Address
from bench.fanout.returning_page import ConnectionEnded, PollingPage, Session, WebSocketPage

# As in connection.js and in Socket.IO's client, in seconds.
_FIRST_RETRY, _LONGEST_RETRY, _REFUSED_RETRY = 0.5, 5.0, 30.0
_QUIET_AFTER, _DEAD_AFTER, _OPEN_WITHIN = 3.0, 5.0, 20.0
_LOGGED_OUT = "authentication required"
_CHECK_EVERY = 0.5
_READ = 1 << 16
_AT_ONCE = 256


@dataclass
class _Page:
    index: int
    attempts: int = 0
    session: Session | None = None
    sock: socket.socket | None = None
    began_at: float = 0.0
    received_at: float = 0.0
    pinged_at: float = 0.0
    priced_at: float = 0.0
    longest: float = 0.0
    has_asked: bool = False


@dataclass
class PageEndings:
    """What happened to all pages: connections that ended, and attempts that failed, by how."""

    ended: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    logged_out: set[int] = field(default_factory=set)


class ReturningPages:
    """Call `step` again and again; one in `polls_every` polls, the others have WebSockets."""

    def __init__(self, address: Address, count: int, polls_every: int) -> None:
        self.counts = PageEndings()
        self._address = address
        self._polls_every = polls_every
        self._pages = [_Page(index) for index in range(count)]
        self._by_descriptor: dict[int, _Page] = {}
        self._due: list[tuple[float, int]] = []
        self._epoll = select.epoll()
        self._checked_at = 0.0

    def open(self, within: float) -> None:
        """Let all pages connect, spread over so many seconds."""
        now, gap = time.monotonic(), within / len(self._pages)
        for page in self._pages:
            heapq.heappush(self._due, (now + page.index * gap, page.index))

    def begin(self) -> None:
        """Count from zero."""
        now = time.monotonic()
        self.counts = PageEndings()
        for page in self._pages:
            page.longest, page.priced_at = 0.0, now

    def silences(self) -> list[float]:
        """For each page the longest time without a live price, until now, in seconds."""
        now = time.monotonic()
        return [max(page.longest, now - page.priced_at) for page in self._pages]

    @property
    def with_prices(self) -> int:
        """How many pages are connected and have received a price."""
        return sum(bool(page.session and page.session.prices) for page in self._pages)

    def step(self) -> None:
        """Go on for a moment."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            self._connect(self._pages[heapq.heappop(self._due)[1]], now)
        for descriptor, events in self._epoll.poll(0.01, _AT_ONCE):
            if page := self._by_descriptor.get(descriptor):
                self._serve(page, events)
        if now - self._checked_at > _CHECK_EVERY:
            self._checked_at = now
            self._check(now)

    def close(self) -> None:
        """Close all connections."""
        for page in self._pages:
            self._drop(page)
        self._epoll.close()

    # A page

    def _connect(self, page: _Page, now: float) -> None:
        kind = WebSocketPage if page.index % self._polls_every else PollingPage
        page.session = kind(self._address, page.index, ("BTC",))
        page.began_at = page.received_at = page.pinged_at = now
        page.has_asked = False
        page.sock = socket.socket()
        page.sock.setblocking(False)
        page.sock.connect_ex((self._address.host, self._address.port))
        self._by_descriptor[page.sock.fileno()] = page
        self._epoll.register(page.sock.fileno(), select.EPOLLOUT)

    def _serve(self, page: _Page, events: int) -> None:
        assert page.sock is not None
        assert page.session is not None
        session = page.session
        try:
            if not page.has_asked:
                page.has_asked = True
                page.sock.send(session.request)
                self._epoll.modify(page.sock.fileno(), select.EPOLLIN)
                return
            data = page.sock.recv(_READ)
            if not data:
                raise ConnectionEnded("ended without a close frame")
            before = session.prices
            if answer := session.receive(data):
                page.sock.send(answer)
            page.received_at = time.monotonic()
            if session.is_connected:
                page.attempts = 0
            if session.prices > before:
                page.longest = max(page.longest, page.received_at - page.priced_at)
                page.priced_at = page.received_at
        except BlockingIOError:
            return
        except (OSError, HandshakeRefused, ConnectionEnded) as error:
            self._lose(page, str(error) or type(error).__name__)

    def _check(self, now: float) -> None:
        for page in self._pages:
            if page.sock is None or page.session is None:
                continue
            if not page.session.is_connected:
                if now - page.began_at > _OPEN_WITHIN:
                    self._lose(page, f"no answer for {_OPEN_WITHIN:.0f} s")
            elif now - max(page.received_at, page.pinged_at) > _DEAD_AFTER:
                self._lose(page, "silent: given up")
            elif now - page.received_at > _QUIET_AFTER and page.pinged_at <= page.received_at:
                page.pinged_at = now
                with contextlib.suppress(OSError):
                    page.sock.send(page.session.ping())

    def _lose(self, page: _Page, reason: str) -> None:
        was_connected = page.session is not None and page.session.is_connected
        (self.counts.ended if was_connected else self.counts.failed)[reason] += 1
        self._drop(page)
        delay = min(_FIRST_RETRY * 2**page.attempts, _LONGEST_RETRY) * random.uniform(0.5, 1.5)
        if reason.startswith("44"):
            delay = _REFUSED_RETRY
        if _LOGGED_OUT in reason:
            self.counts.logged_out.add(page.index)
        page.attempts += 1
        heapq.heappush(self._due, (time.monotonic() + delay, page.index))

    def _drop(self, page: _Page) -> None:
        if page.sock is not None:
            self._by_descriptor.pop(page.sock.fileno(), None)
            page.sock.close()
        page.sock = page.session = None
