"""Where a WebSocket begins: a WSGI request becomes a connection, or is refused in HTTP."""

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.extensions import Extension, ServerExtensionFactory
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from omcrm.streaming.connection import ConnectionLimits, ConnectionListener, WebSocketConnection
from omcrm.streaming.detach import NotDetachable, leave, take
from omcrm.streaming.frame import WINDOW_BITS
from omcrm.streaming.reactor import Reactor

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


# Both sides begin each message anew: a compressed frame is then the same for every client.
_DEFLATE = ServerPerMessageDeflateFactory(True, True, WINDOW_BITS, None)


class HandshakeAnswer(NamedTuple):
    """The answer to a request for a WebSocket; it is one only with status 101."""

    response: Response
    extensions: Sequence[Extension]

    @property
    def accepted(self) -> bool:
        """Whether there will be a WebSocket."""
        return self.response.status_code == 101


def negotiate(environ: Environ, compression: bool) -> HandshakeAnswer:
    """Answer the handshake, offering permessage-deflate where it is wanted."""
    try:
        request = _request(environ)
    except InvalidHeader as error:
        return HandshakeAnswer(_rejection(HTTPStatus.BAD_REQUEST, f"{error}.\n"), ())
    if compression:
        opening = _answer(request, [_DEFLATE])
        if all(_is_wide_enough(extension) for extension in opening.extensions):
            return opening
    return _answer(request)


def _answer(
    request: Request, extensions: Sequence[ServerExtensionFactory] | None = None
) -> HandshakeAnswer:
    protocol = ServerProtocol(extensions=extensions)
    opening = HandshakeAnswer(protocol.accept(request), protocol.extensions)
    _release(protocol)
    return opening


def _rejection(status: HTTPStatus, text: str) -> Response:
    protocol = ServerProtocol()
    response = protocol.reject(status, text)
    _release(protocol)
    return response


def _release(protocol: ServerProtocol) -> None:
    """Break what holds it in turn: its parser, and the frames behind the error of a refusal."""
    protocol.parser.close()
    error: BaseException | None = protocol.handshake_exc
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def refuse(response: Response, start_response: StartResponse) -> Iterable[bytes]:
    """Say in HTTP why there is no WebSocket; which header was wrong, and nothing else."""
    body = response.body or b""
    hop_by_hop = {"connection", "date"}
    headers = [item for item in response.headers.raw_items() if item[0].lower() not in hop_by_hop]
    start_response(f"{response.status_code} {response.reason_phrase}", headers)
    return [bytes(body)]


class AcceptedSocket(NamedTuple):
    """A connection to be started, and what its peer sent before it was answered."""

    connection: WebSocketConnection
    early: bytes


def accept(
    environ: Environ, opening: HandshakeAnswer, reactor: Reactor, limits: ConnectionLimits
) -> AcceptedSocket:
    """Take the socket from the server; the WSGI app has to return `takeover.leave(environ)`."""
    taken = take(environ)
    connection = WebSocketConnection(taken.socket, reactor, limits, opening.extensions)
    return AcceptedSocket(connection, taken.early)


class Endpoint:
    """A WSGI app that is one kind of WebSocket: `greet` makes the listener of each connection."""

    def __init__(
        self,
        reactor: Reactor,
        greet: Callable[[WebSocketConnection, Environ], ConnectionListener],
        limits: ConnectionLimits,
        compression: bool = False,
    ) -> None:
        self._reactor = reactor
        self._greet = greet
        self._limits = limits
        self._compression = compression

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        opening = negotiate(environ, self._compression)
        if not opening.accepted:
            return refuse(opening.response, start_response)
        try:
            connection, early = accept(environ, opening, self._reactor, self._limits)
        except NotDetachable:
            sorry = "No WebSocket for this request.\n"
            refusal = _rejection(HTTPStatus.NOT_IMPLEMENTED, sorry)
            return refuse(refusal, start_response)
        connection.start(
            self._greet(connection, environ), opening.response.serialize(), early=early
        )
        return leave(environ)


def _is_wide_enough(extension: Extension) -> bool:
    """Whether the client can read what is compressed for everybody."""
    return isinstance(extension, PerMessageDeflate) and (
        extension.local_max_window_bits >= WINDOW_BITS
    )


def _request(environ: Environ) -> Request:
    headers = Headers()
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers[key[5:].replace("_", "-").title()] = value
    # Its version is not asked for: eventlet's server calls every request 1.0.
    return Request(environ.get("PATH_INFO", "/"), headers, method=environ["REQUEST_METHOD"])
