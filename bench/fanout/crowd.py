"""Thousands of pages: connects their sockets, greets, and hands them to the reader."""

import contextlib
import resource
import select
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from bench.fanout.greeting import Address, Greeting
from bench.fanout.native import Reader
from bench.fanout.tongue import DESK, NotWelcome, Tongue

_AT_ONCE = 200
_RETRY_AFTER = 0.2
_READ = 1 << 16
# One address has 28 000 ports for connections to one server.
_PAGES_AN_ADDRESS = 25_000
_SMALL_BUFFER = 4096
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Page:
    """One client: what it watches, which group it counts in, and whether it reads its updates."""

    index: int
    symbols: tuple[str, ...]
    group: int = 0
    reads: bool = True
    tongue: Tongue = DESK


@dataclass
class _Arriving:
    page: Page
    socket: socket.socket
    greeting: Greeting
    connected: bool = False


def allow_many_files() -> None:
    """As many sockets as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Crowd:
    """The pages of one run; `limit` of them may be in their handshake at the same time."""

    def __init__(self, address: Address, reader: Reader, limit: int) -> None:
        self.limit = limit
        self.retries = 0
        self.failures: Counter[str] = Counter()
        self.sockets: dict[int, socket.socket] = {}
        self._address = address
        self._reader = reader
        self._waiting: deque[tuple[float, Page]] = deque()
        self._arriving: dict[int, _Arriving] = {}
        self._knocking = 0
        self._epoll = select.epoll()
        self._epoll.register(reader.fileno(), select.EPOLLIN)

    def come(self, pages: Iterable[Page]) -> None:
        """Connect these pages, in the background of `step`."""
        self._waiting.extend((0.0, page) for page in pages)

    @property
    def on_their_way(self) -> int:
        """How many have not arrived yet."""
        return len(self._waiting) + len(self._arriving)

    def step(self) -> None:
        """Go on with connecting for a moment, and read what there is."""
        self._start_some()
        for fd, _ in self._epoll.poll(0.01, 64):
            if fd == self._reader.fileno():
                self._reader.poll(0)
            elif fd in self._arriving:
                self._advance(self._arriving[fd])

    def drop(self, pages: Iterable[Page]) -> None:
        """End the connections of these pages at once, without a word."""
        for page in pages:
            sock = self.sockets.pop(page.index, None)
            if sock is not None:
                # Nothing stays behind in the system: no TIME_WAIT, no unsent bytes.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.close()

    def is_lost(self, page: Page) -> bool:
        """Whether the server ended the connection of a page that does not read."""
        sock = self.sockets.get(page.index)
        if sock is None:
            return True
        poll = select.poll()
        poll.register(sock, select.POLLRDHUP)
        return bool(poll.poll(0))

    # Arriving

    def _start_some(self) -> None:
        now = time.monotonic()
        for _ in range(min(_AT_ONCE, self.limit - self._knocking)):
            if not self._waiting or self._waiting[0][0] > now:
                return
            self._start(self._waiting.popleft()[1])

    def _start(self, page: Page) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        if not page.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        if lap := page.index // _PAGES_AN_ADDRESS:
            sock.bind((f"127.0.0.{1 + lap}", 0))
        sock.connect_ex((self._address.host, self._address.port))
        self._arriving[sock.fileno()] = _Arriving(page, sock, Greeting(page.symbols, page.tongue))
        self._knocking += 1
        self._epoll.register(sock.fileno(), select.EPOLLOUT)

    def _advance(self, arriving: _Arriving) -> None:
        sock = arriving.socket
        try:
            if not arriving.connected:
                arriving.connected = True
                sock.send(self._address.request(arriving.page.tongue))
                self._epoll.modify(sock.fileno(), select.EPOLLIN)
                return
            data = sock.recv(_READ)
            if not data:
                raise ConnectionResetError("closed by the server")
            was_welcome = arriving.greeting.is_authenticated
            if answer := arriving.greeting.receive(data):
                sock.send(answer)
            self._knocking -= arriving.greeting.is_authenticated - was_welcome
        except BlockingIOError:
            return
        except (OSError, NotWelcome) as error:
            self._try_again(arriving, error)
            return
        if arriving.greeting.done:
            self._arrive(arriving)

    def _leave_epoll(self, arriving: _Arriving) -> None:
        self._epoll.unregister(arriving.socket.fileno())
        del self._arriving[arriving.socket.fileno()]

    def _try_again(self, arriving: _Arriving, error: Exception) -> None:
        self.failures[str(error) or type(error).__name__] += 1
        self.retries += 1
        self._knocking -= not arriving.greeting.is_authenticated
        self._leave_epoll(arriving)
        arriving.socket.close()
        self._waiting.append((time.monotonic() + _RETRY_AFTER, arriving.page))

    def _arrive(self, arriving: _Arriving) -> None:
        self._leave_epoll(arriving)
        page = arriving.page
        self.sockets[page.index] = arriving.socket
        if page.reads:
            self._reader.add(page.index, arriving.socket, page.group, arriving.greeting.rest)

    def close(self) -> None:
        """End everything."""
        for arriving in list(self._arriving.values()):
            arriving.socket.close()
        for sock in self.sockets.values():
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        self._epoll.close()
