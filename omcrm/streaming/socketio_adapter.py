"""The adapter of python-socketio: the one file that knows that library's internals.

`tests/streaming/test_socketio_adapter.py` fails when a new version changes what is used here.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import engineio
import socketio
from engineio import packet as engine_packets
from socketio import packet as packets

from omcrm.concurrency import native_lock
from omcrm.streaming.engine import EngineServer
from omcrm.streaming.engine_session import EngineSession
from omcrm.streaming.reactor import DelayedCall
from omcrm.streaming.rooms import Rooms
from omcrm.streaming.socketio_packet import StrictPacket
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.wire import encoding

# The versions that this was written against; the test compares.
WRITTEN_AGAINST = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}

# Gives clients that read one message at a time the time to wait for the next one.
_AFTER_ANSWER = 0.005
# The library's name for the handler of all events that have no other.
_CATCH_ALL = "*"
_IMMEDIATE = (packets.CONNECT, packets.CONNECT_ERROR, packets.DISCONNECT)

_log = logging.getLogger(__name__)

Hook = Callable[[str], None]


class RealtimeServer(socketio.Server):  # type: ignore[misc]
    """`socketio.Server` on our own Engine.IO, which refuses what the protocol does not allow.

    Takes its options, those of `EngineServer`, and `connect_timeout`: the seconds a client has to
    join a namespace. What is emitted to a client while its connect handler runs follows the answer
    to its CONNECT, or is dropped with a refusal. `on_lost` hooks are called when events to a client
    of a namespace were dropped.
    """

    def __init__(self, connect_timeout: float = 10.0, **options: Any) -> None:
        self.connect_timeout = connect_timeout
        self._holding = native_lock()
        self._held: dict[tuple[str, str], list[engine_packets.Packet]] = {}
        # The keys of `_held` whose CONNECT has been answered.
        self._answered: set[tuple[str, str]] = set()
        self._lost_hooks: dict[str, Hook] = {}
        self._failures = ThrottledLog(_log)
        options.setdefault("client_manager", Rooms())
        super().__init__(serializer=StrictPacket, claim_within=connect_timeout, **options)
        self.eio.on_lost = self._report_lost

    def send_event(self, eio_sid: str, namespace: str, packet: engine_packets.Packet) -> None:
        """Send one packet of an event, or hold it until the client's CONNECT is answered."""
        key = (eio_sid, namespace)
        if key in self._held:
            with self._holding:
                held = self._held.get(key)
                if held is not None:
                    held.append(packet)
                    return
        self.eio.send_packet(eio_sid, packet)

    def send_to(self, sid: str, namespace: str, event: str, body: Any) -> None:
        """Send one client of a namespace an event; `body` has no bytes in it."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        if eio_sid is not None:
            place = "" if namespace == "/" else f"{namespace},"
            text = f"{packets.EVENT}{place}{encoding.dumps([event, body])}"
            packet = engine_packets.Packet(engine_packets.MESSAGE, text)
            self.send_event(eio_sid, namespace, packet)

    def on_lost(self, namespace: str, hook: Hook) -> None:
        """Call `hook(sid)` when events to a client of the namespace were dropped."""
        self._lost_hooks[namespace] = hook

    def session_of(self, sid: str, namespace: str) -> EngineSession | None:
        """The Engine.IO session of a client of a namespace."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        session: EngineSession | None = self.eio.sockets.get(eio_sid)
        return session

    def disconnect(
        self, sid: str, namespace: str | None = None, ignore_queue: bool = False
    ) -> None:
        """Disconnect a client from a namespace; its session ends if it joins no other."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        super().disconnect(sid, namespace, ignore_queue)
        if eio_sid is not None and not self._namespaces_of(eio_sid):
            self._claim(eio_sid, claimed=False)

    # Called by the library

    def _engineio_server_class(self) -> type[engineio.Server]:
        return EngineServer

    def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        try:
            packet = self._assemble(eio_sid, data)
        except ValueError as error:
            self._cut_off(eio_sid, str(error))
            return
        if packet is not None:
            self._dispatch(eio_sid, packet)

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        namespace = namespace or "/"
        if not self._serves(namespace):
            self._refuse(eio_sid, namespace, "Invalid namespace")
            return
        if self.manager.sid_from_eio_sid(eio_sid, namespace) is not None:
            self._refuse(eio_sid, namespace, "Already connected")
            return
        self._held[eio_sid, namespace] = []
        try:
            super()._handle_connect(eio_sid, namespace, data)
        except Exception:
            self._failures.exception("a connect handler failed")
            self.manager.disconnect(self.manager.sid_from_eio_sid(eio_sid, namespace), namespace)
            self._refuse(eio_sid, namespace, "Internal error")
        self._release_request(eio_sid)
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is None or not self.manager.is_connected(sid, namespace):
            self._held.pop((eio_sid, namespace), None)
            return
        self._claim(eio_sid, claimed=True)
        self._answered.add((eio_sid, namespace))
        release = DelayedCall(self._release_held, eio_sid, namespace)
        self.eio.reactor.at(time.monotonic() + _AFTER_ANSWER, release)

    def _release_held(self, eio_sid: str, namespace: str) -> None:
        with self._holding:
            # Packets sent meanwhile wait for this lock, and follow.
            for packet in self._held.get((eio_sid, namespace), ()):
                self.eio.send_packet(eio_sid, packet)
            self._held.pop((eio_sid, namespace), None)
            self._answered.discard((eio_sid, namespace))

    def _send_packet(self, eio_sid: str, pkt: packets.Packet) -> None:
        namespace = pkt.namespace or "/"
        if pkt.packet_type in _IMMEDIATE:
            if (eio_sid, namespace) in self._answered:
                self._release_held(eio_sid, namespace)
            self.eio.send(eio_sid, pkt.encode())
            return
        encoded = pkt.encode()
        for payload in encoded if isinstance(encoded, list) else [encoded]:
            packet = engine_packets.Packet(engine_packets.MESSAGE, data=payload)
            self.send_event(eio_sid, namespace, packet)

    def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        super()._handle_disconnect(eio_sid, namespace, reason)
        if not self._namespaces_of(eio_sid):
            self._claim(eio_sid, claimed=False)

    def _handle_event_internal(
        self,
        server: Any,
        sid: str,
        eio_sid: str,
        data: list[Any],
        namespace: str,
        number: int | None,
    ) -> None:
        try:
            super()._handle_event_internal(server, sid, eio_sid, data, namespace, number)
        except Exception:
            self._failures.exception("the handler of an event failed")
        self._release_request(eio_sid)

    def _get_event_handler(
        self, event: str, namespace: str, args: tuple[Any, ...]
    ) -> tuple[Any, tuple[Any, ...]]:
        """The handler of an event; one of the reserved name is unknown, like any without handler.

        Called by that name, the handler would take the client's first argument for the client's id.
        """
        name = "" if event == _CATCH_ALL else event
        handler: tuple[Any, tuple[Any, ...]] = super()._get_event_handler(name, namespace, args)
        return handler

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._binary_packet.pop(eio_sid, None)
        for namespace in self._namespaces_of(eio_sid):
            self._release_held(eio_sid, namespace)
        super()._handle_eio_disconnect(eio_sid, reason)

    # Our own

    def _assemble(self, eio_sid: str, data: str | bytes) -> StrictPacket | None:
        """The packet that this message completes, if it completes one."""
        begun = self._binary_packet.get(eio_sid)
        if begun is not None:
            if not begun.add_attachment(data):
                return None
            del self._binary_packet[eio_sid]
            return begun  # type: ignore[no-any-return]
        if not isinstance(data, str) or not data:
            raise ValueError("no packet")
        packet = StrictPacket(encoded_packet=data)
        if packet.packet_type != packets.CONNECT and not self._is_joined(eio_sid, packet):
            raise ValueError("not connected to that namespace")
        if packet.attachment_count:
            self._binary_packet[eio_sid] = packet
            return None
        return packet

    def _dispatch(self, eio_sid: str, packet: StrictPacket) -> None:
        kind = packet.packet_type
        if kind == packets.CONNECT:
            self._handle_connect(eio_sid, packet.namespace, packet.data)
        elif kind == packets.DISCONNECT:
            self._handle_disconnect(eio_sid, packet.namespace, self.reason.CLIENT_DISCONNECT)
        elif kind in (packets.EVENT, packets.BINARY_EVENT):
            self._handle_event(eio_sid, packet.namespace, packet.id, packet.data)
        else:
            self._handle_ack(eio_sid, packet.namespace, packet.id, packet.data)

    def _serves(self, namespace: str) -> bool:
        known = (self.handlers, self.namespace_handlers, self.namespaces)
        return self.namespaces == "*" or any(namespace in registry for registry in known)

    def _is_joined(self, eio_sid: str, packet: StrictPacket) -> bool:
        return self.manager.sid_from_eio_sid(eio_sid, packet.namespace or "/") is not None

    def _namespaces_of(self, eio_sid: str) -> list[str]:
        find = self.manager.sid_from_eio_sid
        return [
            namespace
            for namespace in list(self.manager.get_namespaces())
            if find(eio_sid, namespace)
        ]

    def _refuse(self, eio_sid: str, namespace: str, message: str) -> None:
        data = {"message": message}
        self._send_packet(
            eio_sid, self.packet_class(packets.CONNECT_ERROR, data=data, namespace=namespace)
        )

    def _cut_off(self, eio_sid: str, reason: str) -> None:
        self.eio.reactor.counters["bad_packets"] += 1
        self._failures.warning("a client was cut off: %s", reason)
        self._binary_packet.pop(eio_sid, None)
        self.eio.disconnect(eio_sid)

    def _claim(self, eio_sid: str, *, claimed: bool) -> None:
        session = self.eio.sockets.get(eio_sid)
        if session is not None:
            session.claim(claimed, self.connect_timeout)

    def _release_request(self, eio_sid: str) -> None:
        """Forget the request object that Flask leaves in the environment of each client."""
        environ = self.environ.get(eio_sid)
        if environ is not None:
            environ.pop("werkzeug.request", None)

    def _report_lost(self, eio_sid: str) -> None:
        for namespace in self._namespaces_of(eio_sid):
            sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
            if sid is not None and (hook := self._lost_hooks.get(namespace)):
                hook(sid)
