"""One WebSocket connection: frames in and out of one non-blocking socket, whatever the peer does.

Longer than most for a reason: the order of reading, writing and closing is one thought.
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
# Of the class, not of each socket: one object less for every frame that is written.
_send = _socket.socket.send
_utf8 = codecs.getincrementaldecoder("utf-8")
# The library would tell of each connection's end.
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)


class ConnectionLimits(Struct, frozen=True):
    """What one connection may cost; times in seconds."""

    # Bytes of one inbound message.
    message: int = 16 * 1024
    # Frames of any kind in a second.
    frames: int | None = None
    # Bytes of events that wait for a slow reader.
    backlog: int = 64 * 1024
    # So long a peer may take nothing of what waits for it.
    stalled: float = 300.0
    # So long it may say nothing at all; pings are sent if it is set.
    silent: float | None = None
    # So long it may take to answer a close.
    closing: float = 2.0
    # What the kernel keeps for a reader that is late.
    kernel_buffer: int = 64 * 1024


class ConnectionListener(Protocol):
    """Who is told about a connection, in the reactor's thread: it must be quick."""

    def received(self, message: str | bytes) -> None:
        """A whole message came."""

    def writable(self) -> None:
        """What waited has been taken: newer state may be sent."""

    def lost(self) -> None:
        """Events were dropped because the peer did not read; it can be told now."""

    def closed(self) -> None:
        """The connection is over."""


class _Frames(FrameProtocol):
    """The protocol, in which a close may stand inside of a fragmented message as well."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def end(self) -> None:
        """Nothing more comes: a parser holds its protocol, and its error holds the parser."""
        self.parser.close()
        self.parser_exc = None


class WebSocketConnection:
    """A WebSocket after its handshake, which ends by itself when the peer does not play along.

    Prepared frames are written at once by whoever has one, in any thread; everything else happens
    in the reactor's. State (`try_send`) is not taken while older bytes wait; an event (`send`)
    waits, up to a bound.
    """

    # First what each frame needs: together it is one look into slow memory.
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
        "_heard_at",
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
        self._listener: ConnectionListener = NOBODY
        self._limits = limits
        self._protocol = protocol
        self._lock = reactor.lock_for(self._descriptor)
        self._pending: deque[bytes] = deque()
        self._backlog = 0
        self._lost = False
        self._blocked_since = 0.0
        self._closes_by = _NEVER
        self._heard_at = 0.0
        self._pinged_at = _NEVER
        self._counted = 0
        self._counted_from = 0.0
        self._reading = True
        self._parts: list[bytes] | None = None
        self._decoder: codecs.IncrementalDecoder | None = None

    # Used by everybody

    def start(self, listener: ConnectionListener, first: bytes, early: bytes = b"") -> None:
        """Send `first`, the handshake's answer, and listen; `early` came with the request."""
        self._listener = listener
        buffer = self._limits.kernel_buffer
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self._heard_at = time.monotonic()
        self._reactor.counters["opened"] += 1
        self._reactor.start()
        if self._limits.silent is not None:
            self._reactor.at(self._heard_at + self._limits.silent / 2, self)
        # Nothing may be answered before the handshake is.
        with self._lock:
            if not early:
                self._reactor.watch(self._descriptor, self)
            self._put(first)
        if early:
            self._reactor.soon(lambda: self._begin(early))

    def try_send(self, frames: bytes) -> bool:
        """Write newest state, if nothing older waits; whether it was taken.

        False asks to come again with what is newest by then, when the listener hears `writable`.
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
                # The reactor hears of it, too, and ends the connection.
                return True
            if sent != len(frames):
                self._block(frames[sent:])
            return True

    def send(self, frames: bytes) -> None:
        """Write an event, behind all that waits; beyond the backlog's bound everything is lost."""
        with self._lock:
            if self.open:
                self._put(frames)

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye and end; from any thread."""
        self._reactor.soon(lambda: self._begin_close(code, reason))

    def pause(self, paused: bool) -> None:
        """Stop reading, so that the peer's messages wait in the kernel, or go on."""
        with self._lock:
            self._reading = not paused
            self._show_interest()

    # Called by the reactor

    def on_readable(self) -> None:
        """Take what has come."""
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
        """Write what waits."""
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
            self._show_interest()
        if self._protocol.eof_sent:
            self._hang_up()
            return
        if lost:
            self._listener.lost()
        self._listener.writable()

    def tick(self, now: float) -> float | None:
        """End what has waited too long."""
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
            due = min(due, self._mind_silence(now, self._limits.silent))
        return due if due != _NEVER else None

    def abort(self, why: str) -> None:
        """End without a word: what waits in the kernel is thrown away."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._finish(why)

    # Reading

    def _begin(self, early: bytes) -> None:
        """Hear what came with the request before what is in the socket by now."""
        with self._lock:
            if self._descriptor < 0:
                return
            self._reactor.watch(self._descriptor, self)
            self._show_interest()
        try:
            self._receive(early)
        except Exception:
            self.abort("failed")
            raise

    def _receive(self, data: bytes) -> None:
        if self._descriptor < 0:
            return
        now = time.monotonic()
        self._heard_at, self._pinged_at = now, _NEVER
        self._protocol.receive_data(data)
        # Fetched in any case: the protocol would keep what comes behind a goodbye.
        frames = self._protocol.events_received()
        if self.open and self._is_flood(len(frames), now):
            self._reactor.counters["floods"] += 1
            # It may have said goodbye at its end: then this adds nothing to it.
            self._protocol.fail(CloseCode.POLICY_VIOLATION, "too many messages")
            frames = []
        if self._protocol.state is State.OPEN:
            # A pong does not wait for what the messages beside the ping lead to; a goodbye does.
            self._write_protocol()
        try:
            for frame in frames if self.open else ():
                if isinstance(frame, Frame) and frame.opcode in _DATA:
                    self._take(frame.opcode, bytes(frame.data), frame.fin)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "text must be UTF-8")
        self._write_protocol()

    def _take(self, opcode: Opcode, data: bytes, fin: bool) -> None:
        """Put messages together from frames; text must be UTF-8 from its first byte on."""
        if opcode is not Opcode.CONT:
            is_text = opcode is Opcode.TEXT
            if fin:
                self._listener.received(data.decode() if is_text else data)
                return
            self._parts = []
            self._decoder = _utf8() if is_text else None
        if self._decoder is not None:
            self._decoder.decode(data, fin)
        assert self._parts is not None, "the protocol refuses a continuation of nothing"
        if data:
            self._parts.append(data)
        if fin:
            whole, self._parts = b"".join(self._parts), None
            self._listener.received(whole.decode() if self._decoder is not None else whole)

    def _is_flood(self, count: int, now: float) -> bool:
        """Whether too many frames came within a second, whatever they are."""
        most = self._limits.frames
        if most is None:
            return False
        if now - self._counted_from >= 1.0:
            self._counted_from, self._counted = now, 0
        self._counted += count
        return self._counted > most

    def _mind_silence(self, now: float, silent: float) -> float:
        # Nobody is sent away unasked, however late this process is.
        if self._pinged_at == _NEVER and now >= self._heard_at + silent / 2:
            self._pinged_at = now
            self.send(ping_frame())
        elif now >= self._pinged_at + silent / 2:
            self._reactor.counters["silent"] += 1
            self._begin_close(CloseCode.POLICY_VIOLATION, "nothing heard for too long")
            return self._closes_by
        return (self._heard_at if self._pinged_at == _NEVER else self._pinged_at) + silent / 2

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
        """Forget the events that wait, but not the rest of one whose beginning was sent."""
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
        self._show_interest()
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

    def _show_interest(self) -> None:
        """Tell the reactor what to wait for; a flooding peer that does not read waits itself."""
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
            # A frame that was begun is finished first; the events behind it no longer matter.
            with self._lock:
                if self._pending:
                    self._drop()
            self._protocol.send_close(code, reason)
            self._write_protocol()

    def _write_protocol(self) -> None:
        """Send what the protocol itself has to say: pongs, a close, the end."""
        if self._descriptor < 0:
            return
        ending = False
        with self._lock:
            for data in self._protocol.data_to_send():
                if not data:
                    ending = True
                elif self.open:
                    # A goodbye is the last that is said: no pong follows it.
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
        """End our side of the stream; the peer's end is waited for."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _finish(self, why: str) -> None:
        if self._descriptor < 0:
            return
        self._reactor.counters["closed"] += 1
        if why not in ("gone", "closed"):
            self._reactor.counters[why] += 1
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
        listener, self._listener = self._listener, NOBODY
        listener.closed()


class NoListener:
    """Who listens to what is over."""

    def received(self, message: str | bytes) -> None:
        """Too late."""

    def writable(self) -> None:
        """Too late."""

    def lost(self) -> None:
        """Too late."""

    def closed(self) -> None:
        """Known."""


NOBODY = NoListener()
