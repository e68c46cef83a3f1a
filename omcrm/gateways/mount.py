"""Mounts the raw WebSockets in front of the app, and decides in the handshake who may open one."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask
from msgspec import Struct
from websockets.frames import CloseCode
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason, identify
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.extensions import socketio
from omcrm.gateways.client_connection import ClientConnection, ClientServices
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.registry import DIALECTS
from omcrm.services import services_of
from omcrm.settings import Settings
from omcrm.streaming.client_session import ClientLimits
from omcrm.streaming.connection import NO_LISTENER, ConnectionLimits, WebSocketConnection
from omcrm.streaming.detach import NotDetachable, end_request
from omcrm.streaming.endpoint import HandshakeAnswer, accept, negotiate, refuse
from omcrm.streaming.reactor import Reactor
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away
from omcrm.web.feed_control import start_for_viewer
from omcrm.wire import encoding
from omcrm.wire.error_code import ErrorCode

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

# The reasons for which a caller counts as anonymous.
_STRANGERS = (UnidentifiedReason.NONE_GIVEN, UnidentifiedReason.FOREIGN_ORIGIN)
_UPGRADE_REQUIRED = b"This address speaks WebSocket: connect with a WebSocket client.\n"

_failures = ThrottledLog(logging.getLogger(__name__))


# The handshake


class HandshakeRefusal(NamedTuple):
    """A handshake's refusal in HTTP; `wait` is in seconds."""

    status: int
    code: ErrorCode
    message: str
    wait: int = 0

    def answer(self, start_response: StartResponse) -> Iterable[bytes]:
        """Start the response and return its body."""
        error = {"code": self.code, "message": self.message}
        body = encoding.dumps({"success": False, "error": error}).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", "Bearer"))
        if self.wait:
            headers.append(("Retry-After", str(self.wait)))
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", headers)
        return [body]


def refusal(refused: Unidentified) -> HandshakeRefusal:
    """The answer in HTTP."""
    return HandshakeRefusal(refused.status, refused.code, refused.message, refused.wait_seconds)


def missing(scope: Permission) -> HandshakeRefusal:
    """The refusal of a token without this scope."""
    message = f"This needs a token with the scope {scope}."
    return HandshakeRefusal(HTTPStatus.FORBIDDEN, ErrorCode.INSUFFICIENT_SCOPE, message)


_NO_WEBSOCKET = HandshakeRefusal(501, ErrorCode.NO_WEBSOCKET, "No WebSocket for this request.")
_UNAVAILABLE = HandshakeRefusal(
    503, ErrorCode.UNAVAILABLE, "Something went wrong on our side: try again."
)
_DATABASE_AWAY = HandshakeRefusal(
    503, database_away.CODE, database_away.MESSAGE, wait=database_away.RETRY_AFTER
)


class HandshakePolicy:
    """Identifies callers; unless it `requires_credential` anonymous ones pass, from any site."""

    def __init__(self, requires_credential: bool) -> None:
        self._requires_credential = requires_credential

    def identify(self, environ: Environ) -> Caller | Unidentified | None:
        """The caller of this handshake, None for an anonymous one; needs an app context."""
        caller = identify(environ, websocket=True, recent=True)
        is_stranger = isinstance(caller, Unidentified) and caller.reason in _STRANGERS
        return None if is_stranger and not self._requires_credential else caller


# The mount


class TransportSettings(Struct, frozen=True):
    """How connections are made; `compression` is whether it may be negotiated."""

    reactor: Reactor
    limits: ConnectionLimits
    compression: bool


class Mount:
    """WSGI middleware: serves the dialects' WebSockets, and passes everything else to the app."""

    def __init__(
        self,
        within: Wsgi,
        app: Flask,
        services: ClientServices,
        policy: HandshakePolicy,
        transport: TransportSettings,
        dialects: Sequence[Dialect],
    ) -> None:
        self._within = within
        self._app = app
        self._services = services
        self._policy = policy
        self._transport = transport
        rules = [Rule(_rule(dialect.channel.path), endpoint=dialect) for dialect in dialects]
        self._paths = Map(rules, strict_slashes=False, merge_slashes=False).bind("")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        try:
            dialect, arguments = self._paths.match(path, method="GET", websocket=False)
        except HTTPException:
            return self._within(environ, start_response)
        if "websocket" in environ.get("HTTP_UPGRADE", "").lower():
            return self._open(dialect, arguments, environ, start_response)
        method = environ["REQUEST_METHOD"]
        if method == "GET" and not self._app.url_map.bind("").test(path, method):
            return _ask_for_upgrade(start_response)
        return self._within(environ, start_response)

    def _open(
        self,
        dialect: Dialect,
        arguments: Mapping[str, Any],
        environ: Environ,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        opening = negotiate(environ, self._transport.compression)
        if not opening.accepted:
            self._services.registry.count_refusal("handshake")
            return refuse(opening.response, start_response)
        try:
            with self._services.context():
                caller = self._policy.identify(environ)
        except Exception as error:
            if database_away.is_away(error):
                return self._refuse(_DATABASE_AWAY, start_response)
            _failures.exception("identifying a caller failed")
            return self._refuse(_UNAVAILABLE, start_response)
        if isinstance(caller, Unidentified):
            if reason := dialect.late_refusal(caller):
                return self._accept_and_close(opening, reason, caller, environ, start_response)
            return self._refuse(refusal(caller), start_response)
        if caller is not None and not caller.may(dialect.scope):
            return self._refuse(missing(dialect.scope), start_response)
        address = environ.get("REMOTE_ADDR", "")
        client = ClientConnection(self._services, dialect, caller, address, arguments)
        return self._connect(client, opening, environ, start_response)

    def _connect(
        self,
        client: ClientConnection,
        opening: HandshakeAnswer,
        environ: Environ,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        registry = self._services.registry
        try:
            registry.add(client)
        except AccessRefused as error:
            denied = HandshakeRefusal(error.status, error.code, error.message)
            return self._refuse(denied, start_response)
        try:
            connection, early = self._accept(environ, opening)
            client.start(connection, opening.response.serialize(), early)
        except NotDetachable:
            registry.remove(client)
            return self._refuse(_NO_WEBSOCKET, start_response)
        except BaseException:
            registry.remove(client)
            raise
        return end_request(environ)

    def _accept_and_close(
        self,
        opening: HandshakeAnswer,
        reason: str,
        refused: Unidentified,
        environ: Environ,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Upgrade only to close, for programs that read the reason of the close."""
        try:
            connection, _ = self._accept(environ, opening)
        except NotDetachable:
            return self._refuse(_NO_WEBSOCKET, start_response)
        self._services.registry.count_refusal(refused.code)
        connection.start(NO_LISTENER, opening.response.serialize())
        connection.close(CloseCode.POLICY_VIOLATION, reason)
        return end_request(environ)

    def _accept(
        self, environ: Environ, opening: HandshakeAnswer
    ) -> tuple[WebSocketConnection, bytes]:
        return accept(environ, opening, self._transport.reactor, self._transport.limits)

    def _refuse(self, denied: HandshakeRefusal, start_response: StartResponse) -> Iterable[bytes]:
        self._services.registry.count_refusal(denied.code)
        return denied.answer(start_response)


def _rule(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


def _ask_for_upgrade(start_response: StartResponse) -> Iterable[bytes]:
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(_UPGRADE_REQUIRED))),
        ("Upgrade", "websocket"),
    ]
    status = HTTPStatus.UPGRADE_REQUIRED
    start_response(f"{status.value} {status.phrase}", headers)
    return [_UPGRADE_REQUIRED]


def mount_dialects(within: Wsgi, app: Flask, settings: Settings, limits: ConnectionLimits) -> Mount:
    """The mount of all dialects; `limits` apply to each connection."""
    engine, services = socketio.server.eio, services_of(app)
    client_limits = ClientLimits(settings.max_connections, settings.max_subscriptions)
    return Mount(
        within,
        app,
        ClientServices(
            engine.workers,
            services.client_registry,
            app.app_context,
            start_for_viewer,
            client_limits,
        ),
        HandshakePolicy(settings.use_security),
        TransportSettings(engine.reactor, limits, settings.websocket_compression),
        [dialect(services.view) for dialect in DIALECTS],
    )
