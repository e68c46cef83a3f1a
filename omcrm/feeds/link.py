"""One upstream connection: the only file of the feeds that owns a socket."""

import contextlib
import errno
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import websocket
from websocket._abnf import continuous_frame, frame_buffer

from omcrm.errors import FeedError, FeedRefused
from omcrm.market.number import whole

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT = 10.0
_READ_AT_ONCE = 65536
# The largest real frame seen was 64 kB; a whole order book may take megabytes.
_LARGEST_MESSAGE = 4 * 1024 * 1024
# A reader whose socket always has data would keep all other green threads waiting.
_LONGEST_SLICE = 0.005
_FRAMES_A_CHECK = 16
# Not zero: gevent would then run other ready greenlets only, and no I/O.
_PAUSE = 0.0001

Receive = Callable[[bytes], None]


class Link:
    """One WebSocket to an upstream, read in a thread of its own until it ends.

    `receive` is called with each data frame, `touch` for every other frame, `changed` when the
    connection is made and when it ends, all in that thread. After the end `ended` is set and
    `error` holds the reason, None where it was closed from here without one.
    """

    def __init__(
        self,
        name: str,
        url: str,
        receive: Receive,
        touch: Callable[[], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self._name = name
        self.error: Exception | None = None
        self.connected = threading.Event()
        self.ended = threading.Event()
        self._receive = receive
        self._touch = touch
        self._changed = changed
        self._closing = False
        self._socket = _BoundedWebSocket(enable_multithread=True, skip_utf8_validation=True)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Connect and read, in the background."""
        self._thread.start()

    def send(self, frame: str) -> None:
        """Send a text frame; raises FeedError where the connection has ended."""
        try:
            self._socket.send(frame)
        except (OSError, websocket.WebSocketException) as error:
            raise FeedError(_words(error)) from error

    def ping(self) -> None:
        """Send a ping frame; a failure shows as the connection's end."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.ping(b"omcrm")

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent and may arrive."""
        return self.connected.is_set() and not self.ended.is_set() and not self._closing

    def close(self, error: Exception | None = None) -> None:
        """End the connection, because of `error` if one is given; does not wait."""
        if self.error is None:
            self.error = error
        self._closing = True
        # Wakes the thread, which then closes: a closing handshake can hang on a dead connection.
        if self._socket.sock is not None:
            with contextlib.suppress(OSError):
                self._socket.sock.shutdown(socket.SHUT_RDWR)

    def join(self, timeout: float) -> None:
        """Wait for the reading thread to end."""
        self._thread.join(timeout)

    # In the link's own thread

    def _run(self) -> None:
        try:
            self._connect()
            self._read()
        except (OSError, websocket.WebSocketException, FeedError, ValueError) as error:
            self._fail(_feed_error(error))
        except Exception as error:
            _log.exception("reading %s failed", self._name)
            self._fail(error)
        finally:
            self._socket.shutdown()  # type: ignore[no-untyped-call]
            self.ended.set()
            self._changed()

    def _fail(self, error: Exception) -> None:
        if not self._closing and self.error is None:
            self.error = error

    def _connect(self) -> None:
        self._socket.settimeout(_CONNECT_TIMEOUT)
        self._socket.connect(self.url, timeout=_CONNECT_TIMEOUT, redirect_limit=0)  # type: ignore[no-untyped-call]
        # From here on the watchdog decides when it is dead: `close` wakes the reader.
        self._socket.settimeout(None)
        self.connected.set()
        self._changed()

    def _read(self) -> None:
        slice_began, frames = time.monotonic(), 0
        while not self._closing:
            opcode, frame = self._socket.recv_data_frame(True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise FeedError(f"closed by the upstream: {_close_reason(frame.data)}")
            if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
                self._receive(frame.data)
            else:
                self._touch()
            frames += 1
            if frames % _FRAMES_A_CHECK == 0 and time.monotonic() - slice_began > _LONGEST_SLICE:
                time.sleep(_PAUSE)
                slice_began = time.monotonic()


class _BoundedWebSocket(websocket.WebSocket):  # type: ignore[misc,unused-ignore]
    """A client that rejects too large messages before it reads them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.frame_buffer = _BoundedFrames(self._recv, True)
        self.cont_frame = _BoundedMessage(False, True)


class _BoundedFrames(frame_buffer):  # type: ignore[misc,unused-ignore]
    """Reads all that the socket has in one call, where the original calls for each field."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._buffer = bytearray()

    def recv_strict(self, bufsize: int) -> bytes:
        while len(self._buffer) < bufsize:
            self._buffer += self.recv(_READ_AT_ONCE)
        chunk = bytes(self._buffer[:bufsize])
        del self._buffer[:bufsize]
        return chunk

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > _LARGEST_MESSAGE:
            raise websocket.WebSocketProtocolException(f"frame of {self.length} bytes")


class _BoundedMessage(continuous_frame):  # type: ignore[misc,unused-ignore]
    def add(self, frame: Any) -> None:
        super().add(frame)
        if self.cont_data and len(self.cont_data[1]) > _LARGEST_MESSAGE:
            raise websocket.WebSocketProtocolException("message too long")


# Errors as texts for people

_PLAIN = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection lost",
    errno.EPIPE: "connection lost",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ETIMEDOUT: "timed out",
}


def _feed_error(error: Exception) -> FeedError:
    if isinstance(error, websocket.WebSocketBadStatusException):
        headers = error.resp_headers or {}
        return FeedRefused(error.status_code, _reason(headers), _seconds(headers))
    if isinstance(error, FeedError):
        return error
    return FeedError(_words(error))


def _words(error: Exception) -> str:
    if isinstance(error, websocket.WebSocketAddressException | socket.gaierror):
        return "host not found"
    if isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
        return "timed out"
    if isinstance(error, OSError) and error.errno in _PLAIN:
        return _PLAIN[error.errno]
    text = str(error).strip() or type(error).__name__
    return text[:200]


def _reason(headers: dict[str, str]) -> str:
    return "restricted or limited" if "retry-after" in headers else "handshake refused"


def _seconds(headers: dict[str, str]) -> float | None:
    try:
        return float(whole(headers.get("retry-after", "")))
    except ValueError:
        return None


def _close_reason(payload: bytes) -> str:
    if len(payload) < 2:
        return "no reason given"
    reason = payload[2:].decode("utf-8", "replace")
    return f"{int.from_bytes(payload[:2], 'big')} {reason}".strip()


def close_all(links: Iterable[Link], timeout: float) -> None:
    """Close every link and wait at most `timeout` seconds for all of them."""
    links = list(links)
    for link in links:
        link.close()
    until = time.monotonic() + timeout
    for link in links:
        link.join(max(0.0, until - time.monotonic()))
