"""One WebSocket connection: reads and writes frames on one non-blocking socket.

Longer than most for a reason: reading, writing and closing depend on each other's order.
"""

import _socket
import codecs
import contextlib
import logging
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from websockets.extensions import Extension
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol as FrameProtocol
from websockets.protocol import Side, State

from omcrm.streaming.frame import ping_frame
from omcrm.streaming.reactor import READ, WRITE, Reactor

_CHUNK = 65536
_NEVER = float("inf")
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
# The class's function, not a bound method: one object less for every frame that is written.
_send = _socket.socket.send
_utf8 = codecs.getincrementaldecoder("utf-8")
# The library would log the end of each connection.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


class ConnectionLimits(Struct, frozen=True):
    """The limits of one connection; times in seconds."""

    # Bytes of an inbound message.
    message: int = 16 * 1024
    # Inbound frames of any kind per second.
    frames: int | None = None
    # Bytes of events that are queued for a slow client.
    backlog: int = 64 * 1024
    # How long the peer may read nothing while bytes are queued for it.
    stalled: float = 300.0
    # How long the peer may send nothing at all; pings are sent if this is set.
    silent: float | None = None
    # How long the peer may take to answer a close frame.
    closing: float = 2.0
    # The size of the kernel's send buffer.
    kernel_buffer: int = 64 * 1024


class ConnectionListener(Protocol):
    """Receives a connection's events, in the reactor's thread: it must be quick."""

    def received(self, message: str | bytes) -> None:
        """A whole message was received."""

    def writable(self) -> None:
        """All queued bytes are written: newer state may be sent."""

    def lost(self) -> None:
        """Events were dropped because the peer did not read; it can be notified now."""

    def closed(self) -> None:
        """The connection has ended."""


class _Frames(FrameProtocol):
    """The library's protocol, which also accepts a close frame inside a fragmented message."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def end(self) -> None:
        """Break the reference cycles: the parser holds the protocol, and its error the parser."""
        self.parser.close()
        self.parser_exc = None


class WebSocketConnection:
    """A WebSocket after its handshake; it ends itself when the peer breaks the limits.

    `send` and `try_send` write encoded frames at once, in any thread; everything else runs in the
    reactor's. State (`try_send`) is refused while older bytes are queued; an event (`send`) is
    queued, up to a bound.
    """

    # The slots that every frame needs come first, so that they share a cache line.
    __slots__ = (  # noqa: RUF023
        "blocked",
        "open",
        "_lock",
        "_socket",
        "_backlog",
        "_blocked_since",
        "_closes_by",
        "_counted",
        "_counted_from",
        "_decoder",
        "_descriptor",
        "_received_at",
        "_limits",
        "_listener",
        "_lost",
        "_parts",
        "_pending",
        "_pinged_at",
        "_protocol",
        "_reactor",
        "_reading",
        "deflates",
        "next_tick",
    )

    def __init__(
        self,
        sock: _socket.socket,
        reactor: Reactor,
        limits: ConnectionLimits,
        extensions: Sequence[Extension] = (),
    ) -> None:
        protocol = _Frames(Side.SERVER, state=State.OPEN, max_size=limits.message, logger=_log)
        protocol.extensions = list(extensions)
        self.deflates = bool(extensions)
        self.open = True
        self.blocked = False
        self.next_tick = _NEVER
        self._socket = sock
        self._descriptor = sock.fileno()
        self._reactor = reactor
        self._listener: ConnectionListener = NO_LISTENER
        self._limits = limits
        self._protocol = protocol
        self._lock = reactor.lock_for(self._descriptor)
        self._pending: deque[bytes] = deque()
        self._backlog = 0
        self._lost = False
        self._blocked_since = 0.0
        self._closes_by = _NEVER
        self._received_at = 0.0
        self._pinged_at = _NEVER
        self._counted = 0
        self._counted_from = 0.0
        self._reading = True
        self._parts: list[bytes] | None = None
        self._decoder: codecs.IncrementalDecoder | None = None

    # For all threads

    def start(self, listener: ConnectionListener, first: bytes, early: bytes = b"") -> None:
        """Send `first`, the handshake's answer, and read; `early` came with the request."""
        self._listener = listener
        buffer = self._limits.kernel_buffer
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self._received_at = time.monotonic()
        self._reactor.counters["opened"] += 1
        self._reactor.start()
        if self._limits.silent is not None:
            self._reactor.at(self._received_at + self._limits.silent / 2, self)
        # The handshake's answer must be the first that is written.
        with self._lock:
            if not early:
                self._reactor.watch(self._descriptor, self)
            self._put(first)
        if early:
            self._reactor.soon(lambda: self._begin(early))

    def try_send(self, frames: bytes) -> bool:
        """Write the newest state unless older bytes are queued; whether it was accepted.

        After False the caller sends the then newest state when the listener gets `writable`.
        """
        with self._lock:
            if self.blocked:
                return not self.open
            try:
                sent = _send(self._socket, frames)
            except BlockingIOError:
                self._block(b"")
                return False
            except OSError:
                # The reactor sees the error as well and ends the connection.
                return True
            if sent != len(frames):
                self._block(frames[sent:])
            return True

    def send(self, frames: bytes) -> None:
        """Write an event after all queued bytes; beyond the backlog limit the queue is dropped."""
        with self._lock:
            if self.open:
                self._put(frames)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Send a close frame and end; from any thread."""
        self._reactor.soon(lambda: self._begin_close(code, reason))

    def pause(self, paused: bool) -> None:
        """Stop reading, so that the peer's messages stay in the kernel, or resume."""
        with self._lock:
            self._reading = not paused
            self._update_interest()

    # Called by the reactor

    def on_readable(self) -> None:
        """Read the received bytes."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receive(data)
        else:
            self._protocol.receive_eof()
            self._finish("gone")

    def on_writable(self) -> None:
        """Write queued bytes."""
        with self._lock:
            try:
                self._drain()
            except BlockingIOError:
                return
            except OSError:
                self._pending.clear()
            if self._pending:
                return
            self.blocked = not self.open
            self._backlog = 0
            lost, self._lost = self._lost, False
            self._update_interest()
        if self._protocol.eof_sent:
            self._hang_up()
            return
        if lost:
            self._listener.lost()
        self._listener.writable()

    def tick(self, now: float) -> float | None:
        """End the connection when a timeout has passed; the next deadline, if any."""
        if self._descriptor < 0:
            return None
        if now >= self._closes_by:
            self._finish("unanswered")
            return None
        due = self._closes_by
        if self.blocked and self.open:
            stalled_at = self._blocked_since + self._limits.stalled
            if now >= stalled_at:
                self.abort("stalled")
                return None
            due = min(due, stalled_at)
        if self._limits.silent is not None and self.open:
            due = min(due, self._check_silence(now, self._limits.silent))
        return due if due != _NEVER else None

    def abort(self, reason: str) -> None:
        """End without a close frame: the kernel's send buffer is discarded."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._finish(reason)

    # Reading

    def _begin(self, early: bytes) -> None:
        """Handle the bytes that came with the request before those in the socket."""
        with self._lock:
            if self._descriptor < 0:
                return
            self._reactor.watch(self._descriptor, self)
            self._update_interest()
        try:
            self._receive(early)
        except Exception:
            self.abort("failed")
            raise

    def _receive(self, data: bytes) -> None:
        if self._descriptor < 0:
            return
        now = time.monotonic()
        self._received_at, self._pinged_at = now, _NEVER
        self._protocol.receive_data(data)
        # Fetched in any case: the protocol would keep frames that follow a close frame.
        frames = self._protocol.events_received()
        if self.open and self._is_flood(len(frames), now):
            self._reactor.counters["floods"] += 1
            # If the protocol has answered a close frame already, this changes nothing.
            self._protocol.fail(CloseCode.POLICY_VIOLATION, "too many messages")
            frames = []
        if self._protocol.state is State.OPEN:
            # A pong is sent before the messages are handled, a close frame afterwards.
            self._write_protocol()
        try:
            for frame in frames if self.open else ():
                if isinstance(frame, Frame) and frame.opcode in _DATA:
                    self._assemble(frame.opcode, bytes(frame.data), frame.fin)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "text must be UTF-8")
        self._write_protocol()

    def _assemble(self, opcode: Opcode, data: bytes, fin: bool) -> None:
        """Assemble messages from frames; each part of a text must be valid UTF-8 on arrival."""
        if opcode is not Opcode.CONT:
            is_text = opcode is Opcode.TEXT
            if fin:
                self._listener.received(data.decode() if is_text else data)
                return
            self._parts = []
            self._decoder = _utf8() if is_text else None
        if self._decoder is not None:
            self._decoder.decode(data, fin)
        assert self._parts is not None, "the protocol refuses a continuation without a start"
        if data:
            self._parts.append(data)
        if fin:
            whole, self._parts = b"".join(self._parts), None
            self._listener.received(whole.decode() if self._decoder is not None else whole)

    def _is_flood(self, count: int, now: float) -> bool:
        """Whether too many frames of any kind came within a second."""
        most = self._limits.frames
        if most is None:
            return False
        if now - self._counted_from >= 1.0:
            self._counted_from, self._counted = now, 0
        self._counted += count
        return self._counted > most

    def _check_silence(self, now: float, silent: float) -> float:
        # A peer is pinged before it is closed, even if this process runs late.
        if self._pinged_at == _NEVER and now >= self._received_at + silent / 2:
            self._pinged_at = now
            self.send(ping_frame())
        elif now >= self._pinged_at + silent / 2:
            self._reactor.counters["silent"] += 1
            self._begin_close(CloseCode.POLICY_VIOLATION, "nothing heard for too long")
            return self._closes_by
        return (self._received_at if self._pinged_at == _NEVER else self._pinged_at) + silent / 2

    # Writing; with the lock held

    def _put(self, frames: bytes) -> None:
        if not self.blocked:
            try:
                sent = _send(self._socket, frames)
            except BlockingIOError:
                sent = 0
            except OSError:
                return
            if sent != len(frames):
                self._block(frames[sent:])
            return
        if self._backlog + len(frames) > self._limits.backlog and len(self._pending) > 1:
            self._reactor.counters["events_dropped"] += self._drop() + 1
            self._lost = True
            return
        self._pending.append(frames)
        self._backlog += len(frames)

    def _drop(self) -> int:
        """Drop the queued events, but not the rest of a frame that is partly written."""
        begun = self._pending.popleft()
        dropped = len(self._pending)
        self._pending.clear()
        self._pending.append(begun)
        self._backlog = len(begun)
        return dropped

    def _block(self, rest: bytes) -> None:
        self.blocked = True
        self._pending.append(rest)
        self._backlog = len(rest)
        self._blocked_since = time.monotonic()
        self._reactor.counters["blocked"] += 1
        self._update_interest()
        self._reactor.at(self._blocked_since + self._limits.stalled, self)

    def _drain(self) -> None:
        while self._pending:
            rest = self._pending[0]
            if rest:
                sent = _send(self._socket, rest)
                self._blocked_since = time.monotonic()
                if sent != len(rest):
                    self._pending[0] = rest[sent:]
                    self._backlog -= sent
                    return
            self._pending.popleft()
            self._backlog -= len(rest)

    def _update_interest(self) -> None:
        """Tell the reactor what to wait for; a peer that does not read its backlog is not read."""
        if self._descriptor < 0:
            return
        waits = bool(self._pending)
        reads = self._reading and not (waits and self._backlog > self._limits.backlog)
        mask = (READ if reads else 0) | (WRITE if waits else 0)
        with contextlib.suppress(OSError):
            self._reactor.interest(self._descriptor, mask)

    # Closing; in the reactor's thread

    def _begin_close(self, code: int, reason: str) -> None:
        if self.open and self._descriptor >= 0:
            # A partly written frame is finished first; the events queued after it are dropped.
            with self._lock:
                if self._pending:
                    self._drop()
            self._protocol.send_close(code, reason)
            self._write_protocol()

    def _write_protocol(self) -> None:
        """Write the protocol's own output: pongs, the close frame, the end of the stream."""
        if self._descriptor < 0:
            return
        ending = False
        with self._lock:
            for data in self._protocol.data_to_send():
                if not data:
                    ending = True
                elif self.open:
                    # Nothing follows a close frame, no pong either.
                    self._put(data)
            if self._protocol.state is not State.OPEN:
                self.open, self.blocked = False, True
            waits = bool(self._pending)
        if self._protocol.state is State.CLOSED:
            self._finish("closed")
        elif not self.open and self._closes_by == _NEVER:
            self._closes_by = time.monotonic() + self._limits.closing
            self._reactor.at(self._closes_by, self)
        if ending and not waits:
            self._hang_up()

    def _hang_up(self) -> None:
        """End our side of the stream and wait for the peer's."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _finish(self, reason: str) -> None:
        if self._descriptor < 0:
            return
        self._reactor.counters["closed"] += 1
        if reason not in ("gone", "closed"):
            self._reactor.counters[reason] += 1
        with self._lock:
            self.open, self.blocked = False, True
            descriptor, self._descriptor = self._descriptor, -1
            self._pending.clear()
        self._reactor.forget(descriptor)
        self._reactor.never(self)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._protocol.end()
        self._parts = self._decoder = None
        listener, self._listener = self._listener, NO_LISTENER
        listener.closed()


class NoListener:
    """The listener of an ended connection: does nothing."""

    def received(self, message: str | bytes) -> None:
        """Ignored."""

    def writable(self) -> None:
        """Ignored."""

    def lost(self) -> None:
        """Ignored."""

    def closed(self) -> None:
        """Ignored."""


NO_LISTENER = NoListener()
