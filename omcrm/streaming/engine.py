"""The Engine.IO v4 server: its HTTP and its sessions."""

import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import engineio
from engineio import packet as engine_packets

from omcrm.market.parsing import whole
from omcrm.streaming.connection import NO_LISTENER, ConnectionLimits
from omcrm.streaming.detach import NotDetachable, end_request, has_hung_up
from omcrm.streaming.endpoint import Environ, accept, negotiate, refuse
from omcrm.streaming.engine_answer import DONE, TEXT, UNAUTHORIZED, EngineAnswer, refusal
from omcrm.streaming.engine_packet import (
    OPEN,
    InvalidPacket,
    Packet,
    read_payload,
    write_payload,
)
from omcrm.streaming.engine_session import (
    CLIENT_DISCONNECT,
    TRANSPORT_ERROR,
    EngineSession,
    Transport,
)
from omcrm.streaming.frame import text_frame
from omcrm.streaming.kept_environ import kept
from omcrm.streaming.reactor import DelayedCall, Reactor
from omcrm.streaming.worker_pool import WorkerPool
from omcrm.wire import encoding

_PROBE_WITHIN = 10.0
_COMPRESS_FROM = 256
_LINGER = 0.5

StartResponse = Callable[..., Any]


class EngineServer(engineio.Server):  # type: ignore[misc]
    """`engineio.Server` whose connections end by themselves, at a bounded cost each.

    Takes its options, and: `claim_within`, the seconds after which an unclaimed session is closed;
    `limits` of each WebSocket; `compression`, whether permessage-deflate is negotiated, used for
    messages of `compression_from` bytes and more.
    """

    def __init__(
        self,
        *,
        claim_within: float | None = None,
        limits: ConnectionLimits | None = None,
        compression: bool = False,
        compression_from: int = _COMPRESS_FROM,
        **options: Any,
    ) -> None:
        super().__init__(monitor_clients=False, **options)
        self.reactor = Reactor()
        self.workers = WorkerPool()
        self.claim_within = claim_within
        self.compression = compression
        self.compression_from = compression_from
        self._limits = limits
        self._lingering: dict[str, EngineSession] = {}
        self.on_lost: Callable[[str], None] = lambda sid: None

    # To clients

    def send_packet(self, sid: str, pkt: engine_packets.Packet) -> None:
        """Send a packet; its frame is made once for all clients."""
        session = self.sockets.get(sid)
        if session is None or session.closed:
            return
        packet = pkt.encode()
        form = "deflated_frame" if session.deflates else "frame"
        frame = getattr(pkt, form, None)
        if frame is None:
            frame = session.frame_of(packet, session.deflates)
            setattr(pkt, form, frame)
        session.send(packet, frame)

    def disconnect(self, sid: str | None = None) -> None:
        """Close one session, or all."""
        sessions = list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]
        for session in sessions:
            if session is not None:
                session.close()

    # Called by sessions

    def message(self, sid: str, data: Packet) -> None:
        """Handle a message."""
        self.handlers["message"](sid, data)

    def session_closed(self, session: EngineSession, reason: str) -> None:
        """Remove a closed session."""
        self.sockets.pop(session.sid, None)
        if reason == CLIENT_DISCONNECT and not session.upgraded:
            # A poll that was sent before the client's close packet arrived is answered, too.
            self._lingering[session.sid] = session
            forget = DelayedCall(self._lingering.pop, session.sid, None)
            self.reactor.at(time.monotonic() + _LINGER, forget)

    def disconnected(self, sid: str, reason: str) -> None:
        """Call the disconnect handler, after a closed session's last message is handled."""
        self._trigger_event("disconnect", sid, reason)

    def lost(self, sid: str) -> None:
        """Report that events to a session were dropped."""
        self.on_lost(sid)

    # HTTP

    def handle_request(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI app."""
        query = parse_qs(environ.get("QUERY_STRING", ""))
        answer = self._refusal(environ, query)
        if answer is None:
            if query["transport"][0] == "websocket":
                return self._websocket(environ, start_response, query)
            answer = self._polling(environ, query)
        start_response(answer.status, self._headers(answer, environ))
        return [answer.body]

    def _refusal(self, environ: Environ, query: dict[str, list[str]]) -> EngineAnswer | None:
        """The refusal of an invalid request; None for a valid one."""
        if not self._is_origin_allowed(environ):
            return refusal("Forbidden", "403 Forbidden")
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return DONE
        if method not in ("GET", "POST"):
            return refusal("Bad handshake method")
        transport = query.get("transport", [""])[0]
        if transport not in self.transports or "j" in query:
            return refusal("Transport unknown")
        if query.get("EIO") != ["4"] and "sid" not in query:
            return refusal("Unsupported protocol version")
        if "sid" in query:
            session = self._session(environ, query["sid"][0])
            if session is None:
                return refusal("Session ID unknown")
            if session.upgraded and transport == "polling":
                return refusal("Bad request")
        elif method == "POST":
            return refusal("Bad handshake method")
        if transport == "websocket" and environ.get("HTTP_UPGRADE", "").lower() != "websocket":
            return refusal("Bad request")
        return None

    def _is_origin_allowed(self, environ: Environ) -> bool:
        origin = environ.get("HTTP_ORIGIN")
        if self.cors_allowed_origins == [] or not origin:
            return True
        allowed = self._cors_allowed_origins(environ)
        return allowed is None or origin in allowed

    def _headers(self, answer: EngineAnswer, environ: Environ) -> list[tuple[str, str]]:
        length = ("Content-Length", str(len(answer.body)))
        return [*answer.headers, length, *self._cors_headers(environ)]

    # Polling

    def _polling(self, environ: Environ, query: dict[str, list[str]]) -> EngineAnswer:
        if "sid" not in query:
            return self._open_polling(environ)
        session = self._session(environ, query["sid"][0])
        if session is not None and environ["REQUEST_METHOD"] == "POST":
            return self._post(environ, session)
        packets = session.poll(lambda: has_hung_up(environ)) if session is not None else None
        if packets is None:
            return refusal("Session is closed")
        return self._compressed(EngineAnswer("200 OK", write_payload(packets), [TEXT]), environ)

    def _open_polling(self, environ: Environ) -> EngineAnswer:
        session = self._open(environ)
        if session is None:
            return UNAUTHORIZED
        headers = [TEXT]
        if self.cookie:
            attributes = self.cookie if isinstance(self.cookie, dict) else {"name": self.cookie}
            cookie = self._generate_sid_cookie(session.sid, attributes)
            headers.append(("Set-Cookie", cookie))
        upgrades = ["websocket"] if self.allow_upgrades and "websocket" in self.transports else []
        packets: list[Packet] = [self._open_packet(session.sid, upgrades), *session.take_waiting()]
        return EngineAnswer("200 OK", write_payload(packets), headers)

    def _post(self, environ: Environ, session: EngineSession) -> EngineAnswer:
        try:
            length = whole(environ.get("CONTENT_LENGTH") or "0")
        except ValueError:
            length = -1
        if length > self.max_http_buffer_size:
            session.close(TRANSPORT_ERROR)
            return refusal("Payload too large", "413 Content Too Large")
        if not session.begin_post():
            session.close(TRANSPORT_ERROR)
            return refusal("Too many requests at once")
        try:
            packets = read_payload(_body(environ, length))
        except InvalidPacket as error:
            self.reactor.counters["bad_packets"] += 1
            session.close(TRANSPORT_ERROR)
            return refusal(str(error))
        return DONE if session.end_post(packets) else refusal("Session is closed")

    def _compressed(self, answer: EngineAnswer, environ: Environ) -> EngineAnswer:
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        if not self.http_compression or len(answer.body) < self.compression_threshold:
            return answer
        if "gzip" not in [coding.split(";")[0].strip() for coding in accepted.split(",")]:
            return answer
        headers = [*answer.headers, ("Content-Encoding", "gzip")]
        return EngineAnswer(answer.status, self._gzip(answer.body), headers)

    # WebSocket

    def _websocket(
        self, environ: Environ, start_response: StartResponse, query: dict[str, list[str]]
    ) -> Iterable[bytes]:
        handshake = negotiate(environ, self.compression)
        if not handshake.accepted:
            return refuse(handshake.response, start_response)
        first, probe_by, upgrades = handshake.response.serialize(), None, "sid" in query
        if upgrades:
            session = self.sockets.get(query["sid"][0])
            probe_by = time.monotonic() + _PROBE_WITHIN
        else:
            session = self._open(environ)
            if session is not None:
                first += text_frame(self._open_packet(session.sid, []).encode())
        if session is None:
            answer = refusal("Session ID unknown") if upgrades else UNAUTHORIZED
            return self._send_answer(answer, environ, start_response)
        try:
            connection, early = accept(environ, handshake, self.reactor, self._connection_limits())
        except NotDetachable:
            if not upgrades:
                session.close()
            answer = refusal("No WebSocket on this server", "501 Not Implemented")
            return self._send_answer(answer, environ, start_response)
        if upgrades and not session.begin_upgrade(connection):
            # A second one for the same session is accepted and closed, as in the reference.
            connection.start(NO_LISTENER, first)
            connection.close()
        else:
            transport = Transport(session, connection, self.reactor, probe_by)
            connection.start(transport, first, early)
        return end_request(environ)

    def _send_answer(
        self, answer: EngineAnswer, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        start_response(answer.status, self._headers(answer, environ))
        return [answer.body]

    def _connection_limits(self) -> ConnectionLimits:
        return self._limits or ConnectionLimits(message=int(self.max_http_buffer_size))

    # Sessions

    def _session(self, environ: Environ, sid: str) -> EngineSession | None:
        session: EngineSession | None = self.sockets.get(sid)
        if session is None and environ["REQUEST_METHOD"] == "GET":
            session = self._lingering.get(sid)
        return session

    def _open(self, environ: Environ) -> EngineSession | None:
        sid = self.generate_id()
        session = EngineSession(self, sid, self.claim_within)
        self.sockets[sid] = session
        accepted = self._trigger_event("connect", sid, kept(environ), run_async=False)
        if accepted is not None and accepted is not True:
            session.close()
            return None
        return session

    def _open_packet(self, sid: str, upgrades: list[str]) -> str:
        parameters = {
            "sid": sid,
            "upgrades": upgrades,
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": int(self.max_http_buffer_size),
        }
        return OPEN + encoding.dumps(parameters)


def _body(environ: Environ, length: int) -> bytes:
    """The request's whole body; InvalidPacket for a part of it, because packets would be lost."""
    try:
        body: bytes = environ["wsgi.input"].read(length) if length > 0 else b""
    except OSError as error:
        raise InvalidPacket("the request was cut off") from error
    if len(body) != length:
        raise InvalidPacket("the request was cut off")
    return body
