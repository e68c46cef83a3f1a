"""Makes the connections of one fetcher: no wait outlasts the call, and `stop` ends each at once."""

import _socket
import contextlib
import enum
import errno
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from urllib3.util.wait import wait_for_write

from omcrm.concurrency import start_native_thread
from omcrm.errors import FeedError
from omcrm.market.feed_event import FeedCode, FeedFigures

_CONNECT_TIMEOUT = 5.0
_READ_TIMEOUT = 10.0
# Each address may take the whole connect timeout, and a name may have hundreds of them.
_MOST_ADDRESSES = 3
# What TLS, headers and the marks between chunks may add to an answer that has the same size again.
_OVERHEAD = 256 * 1024

Choose: TypeAlias = Callable[[Sequence[str]], Sequence[str]]
"""Returns the IP addresses of a host that may be connected to; raises FeedError for none."""

_Addresses: TypeAlias = Mapping[str, tuple[int, Any]]
"""The family and the address for `connect` by IP address."""


class Stage(enum.Enum):
    """How far the present call has come: the request cannot have been sent while dialing."""

    KEPT = enum.auto()
    DIALING = enum.auto()
    CONNECTED = enum.auto()


class Dialer:
    """Makes connections for one call at a time; `stop` may come from any thread.

    With `choose`, only the addresses that it returns are connected to, but not for a proxy.
    Raises OSError, TimeoutError where the call's time is over, and what `choose` raises.
    """

    def __init__(self, choose: Choose | None = None) -> None:
        self.stage = Stage.KEPT
        self.is_stopped = False
        self._choose = choose
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._until = 0.0
        self._largest = self._received = 0

    def begin(self, seconds: float, largest: int) -> None:
        """Begin a call that may take so many seconds, and whose answer so many bytes."""
        self.stage, self._until = Stage.KEPT, time.monotonic() + seconds
        self._largest, self._received = largest, 0

    def stop(self) -> None:
        """End the present wait, and allow no other."""
        with self._lock:
            self.is_stopped = True
            # Wakes the waiting thread, which then closes the socket.
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def dial(self, host: str, port: int, *, is_proxy: bool) -> socket.socket:
        """A new connection."""
        self.stage = Stage.DIALING
        addresses = self.look_up(host, port)
        chosen = self._choose(list(addresses)) if self._choose and not is_proxy else addresses
        problem: OSError | None = None
        for address in list(chosen)[:_MOST_ADDRESSES]:
            try:
                return self._connect(*addresses[address])
            except OSError as error:
                problem = error
        raise problem or OSError("no address to connect to")

    def look_up(self, host: str, port: int, longest: float = math.inf) -> _Addresses:
        """The addresses of a host by name or number, within `longest` seconds."""
        entries: Any = None
        with contextlib.suppress(socket.gaierror):
            entries = _getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        entries = entries or self._resolve(host, port, longest)
        return {str(address[0]): (family, address) for family, _, _, _, address in entries}

    def wait_on(self, sock: socket.socket, longest: float) -> None:
        """Give the next wait on `sock` the time that is left; `stop` will end it, too."""
        with self._lock:
            self._watch(sock)
        sock.settimeout(self._left(longest))

    def count(self, received: int) -> None:
        """Count received bytes; raises FeedError where the answer cannot be as small as allowed."""
        self._received += received
        if self._received > 2 * self._largest + _OVERHEAD:
            raise FeedError(FeedCode.ANSWER_TOO_LARGE, FeedFigures(limit=self._largest))

    def _watch(self, sock: socket.socket) -> None:
        if self.is_stopped:
            raise ConnectionAbortedError
        self._socket = sock

    def _left(self, longest: float) -> float:
        seconds = min(longest, self._until - time.monotonic())
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def _resolve(self, host: str, port: int, longest: float) -> Any:
        # The system's look-up cannot be interrupted: it has a thread of its own, which ends with it
        # even where this call is over before.
        entries: list[Any] = []
        reader, writer = socket.socketpair()
        with reader:
            start_native_thread(_ask_resolver, host, port, entries, writer.detach())
            self.wait_on(reader, longest)
            reader.recv(1)
        if self.is_stopped:
            raise ConnectionAbortedError
        if isinstance(entries[0], Exception):
            raise entries[0]
        return entries[0]

    def _connect(self, family: int, address: Any) -> socket.socket:
        sock = _Socket(family, socket.SOCK_STREAM)
        sock.dialer = self
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            with self._lock:
                # In this order: a socket that does not connect yet cannot be shut down.
                code = sock.connect_ex(address)
                self._watch(sock)
            if code == errno.EINPROGRESS:
                if not wait_for_write(sock, self._left(_CONNECT_TIMEOUT)):
                    raise TimeoutError
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            # urllib3 would take a reset for one of a request that is answered nevertheless.
            if self.is_stopped or code == errno.ECONNRESET:
                raise ConnectionAbortedError
            if code:
                raise OSError(code, os.strerror(code))
        except BaseException:
            sock.close()
            raise
        return sock


class _Socket(socket.socket):
    """Every wait on it ends with the present call of its dialer."""

    dialer: Dialer

    def recv(self, *args: Any) -> bytes:
        self.dialer.wait_on(self, _READ_TIMEOUT)
        data = super().recv(*args)
        self.dialer.count(len(data))
        return data

    def recv_into(self, *args: Any) -> int:
        self.dialer.wait_on(self, _READ_TIMEOUT)
        length = super().recv_into(*args)
        self.dialer.count(length)
        return length

    def sendall(self, data: Any, *args: Any) -> None:
        view = memoryview(data)
        while view:
            self.dialer.wait_on(self, _READ_TIMEOUT)
            view = view[self.send(view, *args) :]


# Green threads replace the one in `socket`, each by a look-up of its own.
_getaddrinfo = _socket.getaddrinfo


def _ask_resolver(host: str, port: int, entries: list[Any], done: int) -> None:
    """Add the result or an error to `entries`, and close the descriptor `done`."""
    try:
        entries.append(_getaddrinfo(host, port, 0, socket.SOCK_STREAM))
    except (OSError, ValueError) as error:
        entries.append(error)
    finally:
        os.close(done)
