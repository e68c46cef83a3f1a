"""Thousands of pages: makes their handshakes, and gives their sockets to the reader."""

import contextlib
import resource
import select
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from bench.fanout.client_dialect import DESK, ClientDialect, HandshakeRefused
from bench.fanout.client_handshake import Address, ClientHandshake
from bench.fanout.native import Reader

_AT_ONCE = 200
_RETRY_AFTER = 0.2
_READ = 1 << 16
# One address has 28 000 ports for connections to one server.
_PAGES_AN_ADDRESS = 25_000
_SMALL_BUFFER = 4096
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Page:
    """One client: its symbols, the group it is counted in, and whether it reads its updates."""

    index: int
    symbols: tuple[str, ...]
    group: int = 0
    reads: bool = True
    dialect: ClientDialect = DESK


@dataclass
class _ConnectingPage:
    page: Page
    socket: socket.socket
    greeting: ClientHandshake
    connected: bool = False


def allow_many_files() -> None:
    """Raise the limit of open sockets to the system's maximum."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class PagePool:
    """The pages of one run; at most `limit` of them make their handshake at the same time."""

    def __init__(self, address: Address, reader: Reader, limit: int) -> None:
        self.limit = limit
        self.retries = 0
        self.failures: Counter[str] = Counter()
        self.sockets: dict[int, socket.socket] = {}
        self._address = address
        self._reader = reader
        self._waiting: deque[tuple[float, Page]] = deque()
        self._connecting: dict[int, _ConnectingPage] = {}
        self._in_handshake = 0
        self._epoll = select.epoll()
        self._epoll.register(reader.fileno(), select.EPOLLIN)

    def connect(self, pages: Iterable[Page]) -> None:
        """Connect these pages, in later calls of `step`."""
        self._waiting.extend((0.0, page) for page in pages)

    @property
    def unconnected(self) -> int:
        """How many pages are not connected yet."""
        return len(self._waiting) + len(self._connecting)

    def step(self) -> None:
        """Continue the handshakes for a moment, and read the updates that have come."""
        self._start_some()
        for fd, _ in self._epoll.poll(0.01, 64):
            if fd == self._reader.fileno():
                self._reader.poll(0)
            elif fd in self._connecting:
                self._advance(self._connecting[fd])

    def drop(self, pages: Iterable[Page]) -> None:
        """Reset the connections of these pages, without a close frame."""
        for page in pages:
            sock = self.sockets.pop(page.index, None)
            if sock is not None:
                # Nothing is left in the system: no TIME_WAIT, no unsent bytes.
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

    # Connecting

    def _start_some(self) -> None:
        now = time.monotonic()
        for _ in range(min(_AT_ONCE, self.limit - self._in_handshake)):
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
        self._connecting[sock.fileno()] = _ConnectingPage(
            page, sock, ClientHandshake(page.symbols, page.dialect)
        )
        self._in_handshake += 1
        self._epoll.register(sock.fileno(), select.EPOLLOUT)

    def _advance(self, connecting: _ConnectingPage) -> None:
        sock = connecting.socket
        try:
            if not connecting.connected:
                connecting.connected = True
                sock.send(self._address.request(connecting.page.dialect, connecting.page.index))
                self._epoll.modify(sock.fileno(), select.EPOLLIN)
                return
            data = sock.recv(_READ)
            if not data:
                raise ConnectionResetError("closed by the server")
            was_authenticated = connecting.greeting.is_authenticated
            if answer := connecting.greeting.receive(data):
                sock.send(answer)
            self._in_handshake -= connecting.greeting.is_authenticated - was_authenticated
        except BlockingIOError:
            return
        except (OSError, HandshakeRefused) as error:
            self._try_again(connecting, error)
            return
        if connecting.greeting.done:
            self._finish(connecting)

    def _leave_epoll(self, connecting: _ConnectingPage) -> None:
        self._epoll.unregister(connecting.socket.fileno())
        del self._connecting[connecting.socket.fileno()]

    def _try_again(self, connecting: _ConnectingPage, error: Exception) -> None:
        self.failures[str(error) or type(error).__name__] += 1
        self.retries += 1
        self._in_handshake -= not connecting.greeting.is_authenticated
        self._leave_epoll(connecting)
        connecting.socket.close()
        self._waiting.append((time.monotonic() + _RETRY_AFTER, connecting.page))

    def _finish(self, connecting: _ConnectingPage) -> None:
        self._leave_epoll(connecting)
        page = connecting.page
        self.sockets[page.index] = connecting.socket
        if page.reads:
            self._reader.add(page.index, connecting.socket, page.group, connecting.greeting.rest)

    def close(self) -> None:
        """Close all connections."""
        for connecting in list(self._connecting.values()):
            connecting.socket.close()
        for sock in self.sockets.values():
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        self._epoll.close()
