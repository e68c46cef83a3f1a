"""One WebSocket connection: frames in, subscriptions, frames out."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from simulator.fault_settings import FaultSettings
from simulator.frame_rate import FrameRate
from simulator.heartbeat import Heartbeat
from simulator.protocol import ProviderDialect
from simulator.stream_message import StreamMessage, framed
from simulator.stream_subscriptions import StreamSubscriptions

INCOMING_LIMIT = 256 * 1024
# From here on a source that waits for its readers pauses.
FULL_AT = 256 * 1024
# Beyond this a connection is aborted where the source does not wait.
CUT_AT = 4 * 1024 * 1024
CLOSE_TIMEOUT = 1.0
# Frames a second that a client may send where the provider sets no limit.
UNLIMITED = 1_000_000
DATA_FRAMES = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class ServerContext(Struct, frozen=True):
    """What all client sockets of one provider share.

    With `waits_for_readers` the market pauses until slow readers have caught up.
    """

    stream_subscriptions: StreamSubscriptions
    settings: FaultSettings
    subscribed: Callable[[Iterable[str]], None]
    waits_for_readers: bool


class ClientSocket:
    """A WebSocket client after its handshake."""

    def __init__(
        self,
        number: int,
        transport: asyncio.Transport,
        protocol: ServerProtocol,
        context: ServerContext,
        make_dialect: Callable[["ClientSocket"], ProviderDialect],
    ) -> None:
        self.number = number
        self.opened_at = asyncio.get_running_loop().time()
        self.frames_sent = 0
        self.frozen = False
        self.rate = FrameRate()
        self.heartbeat = Heartbeat(context.settings, self._send_ping, self._on_pong_missing)
        self._transport = transport
        self._protocol = protocol
        self._stream_subscriptions = context.stream_subscriptions
        self._context = context
        self._streams: dict[str, None] = {}
        self._fragments: list[bytes] = []
        self._out: list[bytes] = []
        self._end: asyncio.TimerHandle | None = None
        self._second: asyncio.TimerHandle | None = None
        self.dialect = make_dialect(self)

    # Lifetime

    def start(self) -> None:
        """Start the heartbeat and the dialect."""
        self._transport.set_write_buffer_limits(high=FULL_AT)
        self.heartbeat.start()
        self.limit_lifetime()
        self.dialect.opened()
        self._wait_a_second()

    def _wait_a_second(self) -> None:
        self._second = asyncio.get_running_loop().call_later(1.0, self._each_second)

    def _each_second(self) -> None:
        self._wait_a_second()
        if not self.frozen:
            self.dialect.second()

    def limit_lifetime(self) -> None:
        """Schedule the close for the end of the set lifetime; without one, cancel it."""
        if self._end:
            self._end.cancel()
            self._end = None
        if self._context.settings.lifetime is not None:
            loop = asyncio.get_running_loop()
            end = self.opened_at + self._context.settings.lifetime
            self._end = loop.call_at(end, self.close, CloseCode.GOING_AWAY, "lifetime is over")

    def ended(self) -> None:
        """Clean up after the connection has ended."""
        self.heartbeat.stop()
        self.dialect.ended()
        for timer in (self._end, self._second):
            if timer:
                timer.cancel()
        self._stream_subscriptions.unsubscribe(self, self._streams)
        self._stream_subscriptions.mark_free(self)
        self._streams.clear()
        self._out.clear()

    # Subscriptions

    @property
    def subscriptions(self) -> list[str]:
        """The subscribed streams, in the order of the requests."""
        return list(self._streams)

    def subscribe(self, streams: list[str]) -> None:
        """Subscribe to `streams`, known or not."""
        self._streams.update(dict.fromkeys(streams))
        self._stream_subscriptions.subscribe(self, streams)
        self._context.subscribed(streams)

    def unsubscribe(self, streams: list[str]) -> None:
        """Unsubscribe from `streams`."""
        for stream in streams:
            self._streams.pop(stream, None)
        self._stream_subscriptions.unsubscribe(self, streams)

    # Frames in

    def receive(self, data: bytes) -> None:
        """Process bytes from the client."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and self._protocol.state is State.OPEN:
                self._on_frame(event)
        self._write_protocol()

    def receive_end(self) -> None:
        """Process the client's end of stream."""
        self._protocol.receive_eof()
        self._write_protocol()

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            return
        if frame.opcode is not Opcode.CONT and self._is_too_much():
            self.close(CloseCode.POLICY_VIOLATION, "Too many requests")
        elif frame.opcode is Opcode.PONG:
            self.heartbeat.pong(bytes(frame.data))
        elif frame.opcode in DATA_FRAMES:
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                text, self._fragments = b"".join(self._fragments), []
                self.dialect.received(text)

    def _is_too_much(self) -> bool:
        allowed = self.rate.accepts(self._now(), self.dialect.frames_a_second or UNLIMITED)
        return not allowed and self.dialect.frames_a_second is not None

    # Frames out

    def deliver(self, message: StreamMessage) -> None:
        """Queue a market message for the next flush."""
        if self.frozen or self._transport.is_closing():
            return
        for frame in self.dialect.frames_for(message):
            if not self._out:
                self._stream_subscriptions.touch(self)
            self._out.append(frame)
            self.frames_sent += 1

    def flush(self) -> None:
        """Write what is queued; abort the connection of a reader that is too far behind."""
        out, self._out = self._out, []
        if not out or self._transport.is_closing():
            return
        self._transport.write(b"".join(out))
        if not self._context.waits_for_readers and self._transport.get_write_buffer_size() > CUT_AT:
            self._transport.abort()

    def send_text(self, text: bytes) -> None:
        """Send a text frame at once, after what is queued."""
        self.send(framed(text))

    def send(self, frame: bytes) -> None:
        """Write one frame at once, after what is queued."""
        if not self.frozen:
            self._out.append(frame)
            self.flush()

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end, whether the client answers or not."""
        if self.frozen or self._transport.is_closing():
            return
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._write_protocol()
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._transport.abort)

    def drop(self, reset: bool) -> None:
        """End the TCP connection without a close frame: by a reset or by an end of stream."""
        connection = self._transport.get_extra_info("socket")
        if reset and connection is not None:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()

    def freeze(self) -> None:
        """Stop sending and reading, as behind a dead network link."""
        self.frozen = True
        self._out.clear()
        self._stream_subscriptions.mark_free(self)
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def status(self) -> dict[str, Any]:
        """Return this connection's entry in `GET /control`."""
        return {
            "id": self.number,
            **self.dialect.status(),
            "age": round(self._now() - self.opened_at, 3),
            "subscriptions": self.subscriptions,
            "frames_sent": self.frames_sent,
            "frames_received": self.rate.total,
            "frames_received_peak": self.rate.peak,
            "pings": self.heartbeat.pings,
            "pongs": self.heartbeat.pongs,
            "wrong_pongs": self.heartbeat.wrong_pongs,
            "frozen": self.frozen,
        }

    def _send_ping(self, payload: bytes) -> None:
        self.send(framed(payload, Opcode.PING))

    def _on_pong_missing(self) -> None:
        self.close(CloseCode.POLICY_VIOLATION, "Pong timeout")

    def _write_protocol(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.send(data)
            else:
                self._transport.close()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
