"""The rooms of Socket.IO: which client is in which, and sending to a whole room."""

import threading
import time
from collections.abc import Callable
from typing import Any

import socketio
from engineio import packet as engine_packets
from socketio import packet as packets

from omcrm.streaming.socketio_packet import StrictPacket

# Sending yields to other threads after so many seconds.
_TIME_SLICE = 0.002


class Rooms(socketio.Manager):  # type: ignore[misc]
    """The library's rooms, indexed by client as well: leaving does not scan all rooms.

    Thread-safe, unlike the library's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        self._rooms_of: dict[tuple[str, str], set[str | None]] = {}

    def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Give a client its id in a namespace, before its connect handler accepts it."""
        with self._lock:
            sid: str | None = super().pre_connect(eio_sid, namespace)
            return sid

    def connect(self, sid: str, namespace: str) -> str:
        """Mark a client as connected."""
        with self._lock:
            return str(super().connect(sid, namespace))

    def pre_disconnect(self, sid: str, namespace: str) -> str | None:
        """Mark a client as disconnecting."""
        with self._lock:
            eio_sid: str | None = super().pre_disconnect(sid, namespace)
            return eio_sid

    def basic_enter_room(
        self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None
    ) -> None:
        """Add a client to a room."""
        with self._lock:
            super().basic_enter_room(sid, namespace, room, eio_sid=eio_sid)
            self._rooms_of.setdefault((namespace, sid), set()).add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        """Take a client from a room."""
        with self._lock:
            super().basic_leave_room(sid, namespace, room)
            self._rooms_of.get((namespace, sid), set()).discard(room)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """The rooms of a client."""
        with self._lock:
            rooms = self._rooms_of.get((namespace, sid), set())
            return [room for room in rooms if room is not None]

    def get_participants(self, namespace: str, room: str | None) -> list[tuple[str, str]]:
        """The clients in a room now, each with the id of its Engine.IO session."""
        with self._lock:
            return list(super().get_participants(namespace, room))

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """The id of a client's Engine.IO session."""
        with self._lock:
            eio_sid: str | None = super().eio_sid_from_sid(sid, namespace)
            return eio_sid

    def is_connected(self, sid: str, namespace: str) -> bool:
        """Whether a client is connected and not disconnecting."""
        with self._lock:
            return bool(super().is_connected(sid, namespace))

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Forget a client."""
        with self._lock:
            for room in self._rooms_of.pop((namespace, sid), set()):
                super().basic_leave_room(sid, namespace, room)
            self.callbacks.pop(sid, None)
            for waiting in (self.pending_connect, self.pending_disconnect):
                if sid in waiting.get(namespace, ()):
                    waiting[namespace].remove(sid)
                    if not waiting[namespace]:
                        del waiting[namespace]

    def trigger_callback(self, sid: str, number: int, data: list[Any]) -> None:
        """Handle an acknowledgement; one that nothing waits for is ignored.

        Number 0 is the library's own counter, not a callback, and any client may send it.
        """
        callback = self.callbacks.get(sid, {}).pop(number, None) if number else None
        if callback is not None:
            callback(*data)

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: str | None = None,
        skip_sid: str | list[str] | None = None,
        callback: Callable[..., Any] | None = None,
        to: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Send an event to a client or a room: encoded once, yielding to other threads."""
        if callback is not None:
            super().emit(event, data, namespace, to or room, skip_sid, callback, **kwargs)
            return
        values = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        packet = StrictPacket(packets.EVENT, namespace=namespace, data=[event, *values])
        encoded = packet.encode()
        messages = [
            engine_packets.Packet(engine_packets.MESSAGE, payload)
            for payload in (encoded if isinstance(encoded, list) else [encoded])
        ]
        skipped = skip_sid if isinstance(skip_sid, list) else [skip_sid]
        until = time.monotonic() + _TIME_SLICE
        for sid, eio_sid in self.get_participants(namespace, to or room):
            if sid not in skipped:
                for message in messages:
                    self.server.send_event(eio_sid, namespace, message)
            if time.monotonic() > until:
                time.sleep(0)
                until = time.monotonic() + _TIME_SLICE
