"""One connection to an upstream: its subscriptions, its watchdog, and its socket.

Long for a reason: no other file of the feeds owns a socket.
"""

import contextlib
import errno
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import websocket
from msgspec import structs
from websocket._abnf import continuous_frame, frame_buffer
from websocket._handshake import SUPPORTED_REDIRECT_STATUSES

from omcrm.errors import (
    FeedError,
    FeedHeartbeatTimeout,
    FeedNoData,
    FeedRefused,
    FeedUnauthenticated,
)
from omcrm.feeds.feed_latency import FeedLatency
from omcrm.feeds.http_refusal import redirection
from omcrm.feeds.provider import StreamProvider
from omcrm.feeds.recording_date import recorded_at
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.watchdog import Watchdog
from omcrm.market.feed_event import FeedCode, FeedFigures
from omcrm.market.parsing import whole

# A handshake that drips in would otherwise never time out.
_LONGEST_HANDSHAKE = 15.0


class FeedConnection:
    """One provider's connection; `number` counts them, `on_frame` is called with each data frame.

    `changed` is called in the link's thread when it has connected or ended. `recorded_at` is when
    the recording began that the upstream plays, as far as `replay_of` lets it be believed.

    All methods but the notes belong to the supervising thread. Times are the monotonic seconds of
    the feed clock.
    """

    def __init__(
        self,
        number: int,
        provider: StreamProvider,
        timing: SupervisorTiming,
        latency: FeedLatency,
        on_frame: Callable[["FeedConnection", bytes], None],
        changed: Callable[[], None] = lambda: None,
        replay_of: Collection[str] = (),
    ) -> None:
        self.number = number
        self.recorded_at: datetime | None = None
        self._replay_of = replay_of
        self._changed = changed
        self.latency = latency
        self._timing = timing.feed_clock
        self.opened_at = self._timing.now()
        self.first_data_at: float | None = None
        self._frame_at = self.opened_at
        self.closing_soon = False
        self._provider = provider
        timeouts = timing.timeouts
        if provider.limits.heartbeat_timeout is not None:
            timeouts = structs.replace(
                timeouts, heartbeat_timeout=provider.limits.heartbeat_timeout
            )
        self._watchdog = Watchdog(timeouts, self.opened_at)
        self._has_begun = False
        self._is_authenticated = not provider.authenticates
        self._subscribed: set[str] = set()
        self._unsent: deque[str] = deque()
        self._may_send_at = 0.0
        self._requests = 0
        self._on_frame = on_frame
        self.link = Link(
            f"{provider.source.name}-{number}",
            provider.url(),
            self._receive,
            self._touch,
            self._note_change,
        )

    def maintain(
        self, names: Collection[str], now: float, *, expects_data: bool, witnessed: int = 0
    ) -> FeedNoData | None:
        """Subscribe to what is wanted, send pings, close the link if it is dead.

        Returns FeedNoData where frames come but no data: that connection is kept until another one
        brings data.
        """
        if not self.link.is_open:
            if now - self.opened_at > _LONGEST_HANDSHAKE:
                self.link.close(FeedHeartbeatTimeout(now - self.opened_at))
            return None
        if not self._has_begun:
            self._has_begun = True
            self._queue(self._provider.opening())
        if self._is_authenticated:
            self._update_subscriptions(set(names), now)
        elif now - self.opened_at > _LONGEST_HANDSHAKE:
            self.link.close(FeedUnauthenticated(now - self.opened_at))
        self._send_next(now)
        if self._watchdog.wants_probe(now):
            self.link.ping(self._provider.limits.ping)
        error = self._watchdog.check(now, expects_data=expects_data, witnessed=witnessed)
        if isinstance(error, FeedNoData):
            return error
        if error is not None:
            self.link.close(error)
        return None

    @property
    def has_unsent_requests(self) -> bool:
        """Whether requests wait for the frame spacing."""
        return bool(self._unsent)

    def note_authenticated(self) -> None:
        """The upstream has accepted the login; called in the link's thread."""
        self._is_authenticated = True

    def note_data(self) -> None:
        """The last frame brought prices."""
        self._watchdog.data(self._frame_at)
        if self.first_data_at is None:
            self.first_data_at = self._frame_at

    def has_delivered_for(self, seconds: float, now: float) -> bool:
        """Whether its first data came at least so many seconds ago."""
        return self.first_data_at is not None and now - self.first_data_at >= seconds

    def _update_subscriptions(self, wanted: set[str], now: float) -> None:
        new, dropped = wanted - self._subscribed, self._subscribed - wanted
        if new:
            if not self._subscribed:
                self._watchdog.restart_data(now)
            self._queue(self._provider.subscribe(sorted(new), self._requests + 1))
        if dropped:
            self._queue(self._provider.unsubscribe(sorted(dropped), self._requests + 1))
        self._subscribed = wanted

    def _queue(self, frames: list[str]) -> None:
        self._requests += len(frames)
        self._unsent.extend(frames)

    def _send_next(self, now: float) -> None:
        if self._unsent and now >= self._may_send_at:
            self._may_send_at = now + self._provider.limits.frame_spacing
            with contextlib.suppress(FeedError):  # the supervisor sees `ended`
                self.link.send(self._unsent.popleft())

    # In the link's thread

    def _note_change(self) -> None:
        link, source = self.link, self._provider.source.name
        self.recorded_at = recorded_at(source, link.url, link.headers, self._replay_of)
        self._changed()

    def _touch(self) -> None:
        self._frame_at = self._timing.now()
        self._watchdog.frame(self._frame_at)

    def _receive(self, frame: bytes) -> None:
        self._touch()
        self._on_frame(self, frame)


_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT = 10.0
_READ_AT_ONCE = 65536
# The largest real frame seen was 64 kB; a whole order book may take megabytes.
_LARGEST_MESSAGE = 4 * 1024 * 1024
# The first byte of a frame that is a whole message of text or bytes; how the second one says that
# the length follows in two bytes. One above it means eight bytes, or a mask.
_MESSAGES, _TWO_BYTES = (0x81, 0x82), 126
_SHORT = 4
# A reader whose socket always has data would keep all other green threads waiting.
_LONGEST_SLICE = 0.005
_FRAMES_A_CHECK = 16
# Not zero: gevent would then run other ready greenlets only, and no I/O.
_PAUSE = 0.0001

Receive = Callable[[bytes], None]


class Link:
    """One WebSocket to an upstream, read in a thread of its own until it ends.

    `receive` is called with each data frame, `touch` for every other frame, `changed` when the
    connection is made and when it ends, all in that thread. `headers` are those of the answer to
    the handshake, with names in lower case. After the end `ended` is set and `error` holds the
    reason, None where it was closed from here without one.
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
        self.headers: Mapping[str, str] = {}
        self._name = name
        self.error: FeedError | None = None
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
            raise _feed_error(error) from error

    def ping(self, text: str | None = None) -> None:
        """Send a ping frame, or this text; a failure shows as the connection's end."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            if text is None:
                self._socket.ping(b"omcrm")
            else:
                self._socket.send(text)

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent and may arrive."""
        return self.connected.is_set() and not self.ended.is_set() and not self._closing

    def close(self, error: FeedError | None = None) -> None:
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
            self._fail(_feed_error(error))
        finally:
            self._socket.shutdown()  # type: ignore[no-untyped-call]
            self.ended.set()
            self._changed()

    def _fail(self, error: FeedError) -> None:
        if not self._closing and self.error is None:
            self.error = error

    def _connect(self) -> None:
        self._socket.settimeout(_CONNECT_TIMEOUT)
        try:
            self._socket.connect(self.url, timeout=_CONNECT_TIMEOUT, redirect_limit=0)  # type: ignore[no-untyped-call]
        except websocket.WebSocketException:
            answer = self._socket.handshake_response
            if answer is None or answer.status not in SUPPORTED_REDIRECT_STATUSES:
                raise
            message = redirection(answer.headers.get("location", ""))
            raise FeedRefused(answer.status, message) from None
        answer = self._socket.handshake_response
        self.headers = {} if answer is None else answer.headers
        # From here on the watchdog decides when it is dead: `close` wakes the reader.
        self._socket.settimeout(None)
        self.connected.set()
        self._changed()

    def _read(self) -> None:
        slice_began, frames = time.monotonic(), 0
        while not self._closing:
            message = self._socket.take_message()
            if message is not None:
                self._receive(message)
            else:
                self._read_other()
            frames += 1
            if frames % _FRAMES_A_CHECK == 0 and time.monotonic() - slice_began > _LONGEST_SLICE:
                time.sleep(_PAUSE)
                slice_began = time.monotonic()

    def _read_other(self) -> None:
        """Read a frame that is not a whole message, or one that has not arrived completely."""
        opcode, frame = self._socket.recv_data_frame(True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            figures = FeedFigures(detail=_close_reason(frame.data))
            raise FeedError(FeedCode.CLOSED_BY_UPSTREAM, figures)
        if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
            self._receive(frame.data)
        else:
            self._touch()


class _BoundedWebSocket(websocket.WebSocket):  # type: ignore[misc,unused-ignore]
    """A client that rejects too large messages before it reads them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.frame_buffer = self._frames = _BoundedFrames(self._recv, True)
        self.cont_frame = _BoundedMessage(False, True)

    def take_message(self) -> bytes | None:
        """The next message, if it is a single frame that has arrived completely."""
        return None if self.cont_frame.recving_frames else self._frames.take_message()


class _BoundedFrames(frame_buffer):  # type: ignore[misc,unused-ignore]
    """Reads all that the socket has in one call, where the original calls for each field."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._buffer = bytearray()

    def take_message(self) -> bytes | None:
        """The next frame's payload, if it is a whole message without a mask, and all of it here.

        Nearly every frame is one: this takes a tenth of the general way.
        """
        buffer = self._buffer
        if not buffer:
            buffer += self.recv(_READ_AT_ONCE)
        if len(buffer) < _SHORT or buffer[0] not in _MESSAGES or self.header is not None:
            return None
        start, length = 2, buffer[1]
        if length == _TWO_BYTES:
            start, length = 4, buffer[2] << 8 | buffer[3]
        elif length > _TWO_BYTES:
            return None
        end = start + length
        if len(buffer) < end:
            return None
        payload = bytes(buffer[start:end])
        del buffer[:end]
        return payload

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


# Errors of the system and the library as our own

_CODES = {
    errno.ECONNREFUSED: FeedCode.CONNECTION_REFUSED,
    errno.ECONNRESET: FeedCode.CONNECTION_LOST,
    errno.EPIPE: FeedCode.CONNECTION_LOST,
    errno.ENETUNREACH: FeedCode.NETWORK_UNREACHABLE,
    errno.EHOSTUNREACH: FeedCode.HOST_UNREACHABLE,
    errno.ETIMEDOUT: FeedCode.TIMED_OUT,
}


def _feed_error(error: Exception) -> FeedError:
    if isinstance(error, websocket.WebSocketBadStatusException):
        headers = error.resp_headers or {}
        return FeedRefused(error.status_code, _reason(headers), _seconds(headers))
    if isinstance(error, FeedError):
        return error
    if isinstance(error, websocket.WebSocketAddressException | socket.gaierror):
        return FeedError(FeedCode.HOST_NOT_FOUND)
    if isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
        return FeedError(FeedCode.TIMED_OUT)
    if isinstance(error, OSError) and error.errno in _CODES:
        return FeedError(_CODES[error.errno])
    text = str(error).strip() or type(error).__name__
    return FeedError(FeedCode.CONNECTION_FAILED, FeedFigures(detail=text[:200]))


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
