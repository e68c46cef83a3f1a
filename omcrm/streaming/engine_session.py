"""One Engine.IO v4 session: transports, heartbeat and end.

Longer than most for a reason: both transports and the upgrade are one state machine.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from omcrm.concurrency import native_lock
from omcrm.streaming.connection import WebSocketConnection
from omcrm.streaming.engine_packet import (
    CLOSE,
    MESSAGE,
    NOOP,
    PING,
    PONG,
    PROBE,
    UPGRADE,
    InvalidPacket,
    Packet,
    read_packet,
)
from omcrm.streaming.frame import binary_frame, deflated_frame, text_frame
from omcrm.streaming.inbox import Inbox
from omcrm.streaming.reactor import Reactor
from omcrm.streaming.worker_pool import WorkerPool

_NEVER = float("inf")
# The limit of waiting packets of a polling session, in each direction.
_MOST_WAITING = 512
# How long a poll waits during an upgrade, which the client may have aborted already.
_UPGRADE_ENDS_WITHIN = 0.05
# An unclaimed session whose messages wait is looked at again after its time: when, and how often.
_CLAIM_AGAIN, _CLAIMS = 1.0, 60

TRANSPORT_CLOSE = "transport close"
CLIENT_DISCONNECT = "client disconnect"
SERVER_DISCONNECT = "server disconnect"
PING_TIMEOUT = "ping timeout"
TRANSPORT_ERROR = "transport error"


class StateMessage(Protocol):
    """The newest state, encoded for each kind of transport."""

    framed: bytes

    @property
    def packets(self) -> list[Packet]:
        """One packet for each message."""

    @property
    def deflated(self) -> bytes:
        """The same as compressed frames."""


class SessionHost(Protocol):
    """What a session needs of its server."""

    reactor: Reactor
    workers: WorkerPool
    ping_interval: float
    ping_timeout: float
    compression_from: int

    def message(self, sid: str, data: Packet) -> None:
        """Handle a message; may block."""

    def session_closed(self, session: "EngineSession", reason: str) -> None:
        """The session is closed: it neither receives nor sends any more."""

    def disconnected(self, sid: str, reason: str) -> None:
        """The last message of a closed session has been handled; may block."""

    def lost(self, sid: str) -> None:
        """Events to the session were dropped; may block."""


class EngineSession:
    """A client's Engine.IO session on either transport; thread-safe."""

    def __init__(self, host: SessionHost, sid: str, claim_within: float | None = None) -> None:
        now = time.monotonic()
        self.sid = sid
        self.session: dict[str, Any] = {}
        self.upgraded = False
        self.closed = False
        self.next_tick = _NEVER
        self._host = host
        self._lock = native_lock()
        self._connection: WebSocketConnection | None = None
        self._upgrading = False
        self._probing: WebSocketConnection | None = None
        self._waiting: deque[Packet] = deque()
        self._poll: threading.Event | None = None
        self._posting = False
        # How many of the waiting packets are state: only one batch of state waits for a poll, and
        # later changes are sent as the newest state after it.
        self._states = 0
        self._ready_callback: Callable[[], None] | None = None
        self._ping_at = now + host.ping_interval
        self._pong_by: float | None = None
        self._claim_by = now + claim_within if claim_within is not None else None
        self._claims_left = _CLAIMS
        self._inbox: Inbox[Packet] = Inbox(host.workers, self._handle_message, self._pause)
        self._inbox.start()
        host.reactor.at(self._next_deadline(), self)

    # To the client

    def send(self, packet: Packet, frame: bytes | None = None) -> None:
        """Send an event; `frame` is the packet's frame, if the caller has one."""
        with self._lock:
            connection = self._connection
            if connection is None:
                self._queue(packet)
                return
        connection.send(frame if frame is not None else self.frame_of(packet, connection.deflates))

    def frame_of(self, packet: Packet, deflates: bool) -> bytes:
        """The packet as one WebSocket frame."""
        if isinstance(packet, bytes):
            return binary_frame(packet)
        payload = packet.encode()
        if deflates and len(payload) >= self._host.compression_from:
            return deflated_frame(payload)
        return text_frame(payload)

    @property
    def deflates(self) -> bool:
        """Whether frames to this client are compressed."""
        connection = self._connection
        return connection is not None and connection.deflates

    def try_send(self, state: StateMessage, *, asked: bool = False) -> bool:
        """Send the newest state if the client can accept it; else the `on_ready` callback follows.

        State that the client has just `asked` for is queued for its next poll in any case, so that
        it precedes the answer.
        """
        connection = self._connection
        if connection is not None:
            return connection.try_send(state.deflated if connection.deflates else state.framed)
        with self._lock:
            if self.closed:
                return True
            if self._connection is not None:
                return False
            if (self._upgrading or self._states) and not asked:
                return False
            self._states += len(state.packets)
            self._waiting.extend(state.packets)
            if self._poll is not None:
                self._poll.set()
            return True

    def direct(self) -> WebSocketConnection | None:
        """The connection for plain frames of state; None if the client polls or compresses."""
        connection = self._connection
        return connection if connection is not None and not connection.deflates else None

    @property
    def reads(self) -> bool:
        """Whether the client has taken most of what was sent to it."""
        connection = self._connection
        if connection is not None:
            return not connection.blocked
        return len(self._waiting) - self._states < _MOST_WAITING // 2

    def on_ready(self, ready_callback: Callable[[], None]) -> None:
        """Call `ready_callback` whenever the client can accept state again after it could not."""
        with self._lock:
            if not self.closed:
                self._ready_callback = ready_callback

    def claim(self, claimed: bool, within: float | None = None) -> None:
        """Mark the session as claimed, or close it unless it is claimed `within` seconds."""
        self._claim_by = None if claimed or within is None else time.monotonic() + within
        if self._claim_by is not None:
            self._host.reactor.at(self._claim_by, self)

    # Polling

    def take_waiting(self) -> list[Packet]:
        """Take the packets that wait for the next poll."""
        with self._lock:
            return self._take_waiting()

    def poll(self, has_hung_up: Callable[[], bool] = lambda: False) -> list[Packet] | None:
        """Wait for packets; None where the session must not be polled (any more).

        `has_hung_up` is whether the poll's client is gone: the packets would be lost.
        """
        if self._pong_by is not None:
            self.tick(time.monotonic())
        with self._lock:
            if self.closed and not self._waiting:
                return None
            overlaps = self._poll is not None
            if not overlaps:
                event = self._poll = threading.Event()
                if self._waiting and not self._upgrading:
                    event.set()
            upgrading = self._upgrading
        if overlaps:
            self.close(TRANSPORT_ERROR)
            return None
        if not event.is_set():
            if self._ready_callback is not None:
                self._ready_callback()
            longest = self._host.ping_interval + self._host.ping_timeout
            event.wait(_UPGRADE_ENDS_WITHIN if upgrading else longest)
            if not self.closed and has_hung_up():
                self.close(TRANSPORT_ERROR)
        with self._lock:
            self._poll = None
            if self.upgraded and upgrading:
                return None
            packets = self._take_waiting()
        return packets or [NOOP]

    def begin_post(self) -> bool:
        """Whether a POST may be read: one at a time, and only while few messages wait."""
        with self._lock:
            posting, self._posting = self._posting, True
            return not posting and len(self._inbox) < _MOST_WAITING

    def end_post(self, packets: list[Packet]) -> bool:
        """Handle the packets of a POST, unless the session has ended meanwhile."""
        with self._lock:
            self._posting = False
            if self.closed:
                return False
        for packet in packets:
            self.handle(packet)
        return True

    # WebSocket

    def attach(self, connection: WebSocketConnection) -> None:
        """Use this connection from the start."""
        with self._lock:
            self._connection, self.upgraded = connection, True
            closed = self.closed
        if closed:
            connection.close()

    def begin_upgrade(self, connection: WebSocketConnection) -> bool:
        """Whether a WebSocket may start to replace polling: one at a time, and once."""
        with self._lock:
            if self.closed or self.upgraded or self._upgrading:
                return False
            self._upgrading, self._probing = True, connection
            if self._poll is not None:
                self._poll.set()
            return True

    def end_upgrade(self, connection: WebSocketConnection | None) -> bool:
        """Move the session to the WebSocket, if still open; with None, polling goes on."""
        with self._lock:
            self._upgrading, self._probing = False, None
            if connection is None or self.closed:
                return False
            packets = self._take_waiting()
            self._connection, self.upgraded = connection, True
            if self._poll is not None:
                self._poll.set()
            for packet in packets:
                connection.send(self.frame_of(packet, connection.deflates))
        self.writable()
        return True

    def received(self, message: str | bytes) -> None:
        """Handle a WebSocket message; in the reactor's thread."""
        try:
            self.handle(read_packet(message))
        except InvalidPacket:
            self._host.reactor.counters["bad_packets"] += 1
            self.close(TRANSPORT_ERROR)

    def writable(self) -> None:
        """The WebSocket accepts state again."""
        if self._ready_callback is not None:
            self._ready_callback()

    def lost(self) -> None:
        """The WebSocket has dropped events."""
        self._host.workers.do(lambda: self._host.lost(self.sid))

    # From the client, on either transport

    def handle(self, packet: Packet) -> None:
        """Handle a packet of the client."""
        kind = MESSAGE if isinstance(packet, bytes) else packet[:1]
        if kind == PONG:
            self._pong_by = None
            self._ping_at = time.monotonic() + self._host.ping_interval
            self._host.reactor.at(self._ping_at, self)
        elif kind == MESSAGE:
            self._inbox.put(packet if isinstance(packet, bytes) else packet[1:])
        elif kind == CLOSE:
            self.close(CLIENT_DISCONNECT)

    def close(self, reason: str = SERVER_DISCONNECT) -> None:
        """End the session; a second call does nothing."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            connection, self._connection = self._connection or self._probing, None
            self._probing = None
            self._waiting.clear()
            self._waiting.append(NOOP if reason == CLIENT_DISCONNECT else CLOSE)
            if self._poll is not None:
                self._poll.set()
            self._states = 0
            self._ready_callback = None
        self._host.reactor.never(self)
        if connection is not None:
            connection.close()
        self._host.session_closed(self, reason)
        # Messages of a client that the server disconnects are dropped.
        drop = reason == SERVER_DISCONNECT
        self._inbox.end(partial(self._host.disconnected, self.sid, reason), drop=drop)

    # Deadlines

    def tick(self, now: float) -> float | None:
        """Ping, or end the session after a timeout; the next deadline."""
        if self.closed:
            return None
        if self._claim_by is not None and now >= self._claim_by:
            if self._inbox.works and self._claims_left:
                # Its message has arrived: that it waits is not the client's fault.
                self._claims_left -= 1
                self._claim_by = now + _CLAIM_AGAIN
                return self._next_deadline()
            self._host.reactor.counters["unclaimed"] += 1
            self.close(SERVER_DISCONNECT)
            return None
        if self._pong_by is not None:
            if now >= self._pong_by:
                self._host.reactor.counters["ping_timeouts"] += 1
                self.close(PING_TIMEOUT)
                return None
        elif now >= self._ping_at:
            # A ping that left late shortens the peer's time, by half at most.
            late_at_most = now - self._host.ping_timeout / 2
            self._pong_by = max(self._ping_at, late_at_most) + self._host.ping_timeout
            self.send(PING)
        return self._next_deadline()

    def _next_deadline(self) -> float:
        due = self._pong_by if self._pong_by is not None else self._ping_at
        return due if self._claim_by is None else min(due, self._claim_by)

    # With the lock held

    def _queue(self, packet: Packet) -> None:
        if self.closed:
            return
        if len(self._waiting) - self._states >= _MOST_WAITING:
            # The client polls too rarely: it has to reconnect, and resumes by sequence number.
            self._host.reactor.counters["events_dropped"] += len(self._waiting) + 1
            self._host.reactor.soon(lambda: self.close(TRANSPORT_ERROR))
            return
        self._waiting.append(packet)
        if self._poll is not None and not self._upgrading:
            self._poll.set()

    def _take_waiting(self) -> list[Packet]:
        if self._upgrading:
            return []
        packets = list(self._waiting)
        self._waiting.clear()
        self._states = 0
        return packets

    # Messages are handled one after the other

    def _handle_message(self, message: Packet) -> None:
        self._host.message(self.sid, message)

    def _pause(self, paused: bool) -> None:
        connection = self._connection
        if connection is not None:
            connection.pause(paused)


class Transport:
    """Passes a WebSocket's events to its session; for a polling session after probe and upgrade.

    `probe_by` is the time by which the upgrade must be complete; None for a session on WebSocket.
    """

    def __init__(
        self,
        session: EngineSession,
        connection: WebSocketConnection,
        reactor: Reactor,
        probe_by: float | None,
    ) -> None:
        self.next_tick = _NEVER
        self._reactor = reactor
        self._session = session
        self._connection = connection
        self._probed = False
        self._joined = probe_by is None
        if probe_by is None:
            session.attach(connection)
        else:
            reactor.at(probe_by, self)

    def received(self, message: str | bytes) -> None:
        """Handle the probe and the upgrade; pass every later message to the session."""
        if self._joined:
            self._session.received(message)
        elif message == PING + PROBE and not self._probed:
            self._probed = True
            self._connection.send(text_frame((PONG + PROBE).encode()))
        elif message == UPGRADE and self._probed:
            self._joined = self._session.end_upgrade(self._connection)
            self._reactor.never(self)
            if not self._joined:
                self._connection.close()
        else:
            self._connection.close()

    def writable(self) -> None:
        """Pass it to the session."""
        if self._joined:
            self._session.writable()

    def lost(self) -> None:
        """Pass it to the session."""
        if self._joined:
            self._session.lost()

    def closed(self) -> None:
        """Close the session, or let it go on polling if it was not upgraded."""
        self._reactor.never(self)
        if self._joined:
            self._session.close(TRANSPORT_CLOSE)
        else:
            self._session.end_upgrade(None)

    def tick(self, now: float) -> float | None:
        """Close a WebSocket whose upgrade takes too long."""
        if not self._joined:
            self._connection.close()
        return None
