"""The start of a WebSocket: turns a WSGI request into a connection, or refuses it in HTTP."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from functools import lru_cache
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
from websockets.utils import accept_key

from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.detach import detach
from omcrm.streaming.frame import WINDOW_BITS
from omcrm.streaming.reactor import Reactor

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


# What browsers send: sixteen bytes in base64, and these as the header Connection.
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
_UPGRADES = frozenset(("Upgrade", "keep-alive, Upgrade"))
# No context takeover on either side: a compressed frame is then the same for every client.
_DEFLATE = ServerPerMessageDeflateFactory(True, True, WINDOW_BITS, None)


class HandshakeAnswer(NamedTuple):
    """The answer to a WebSocket handshake; accepted only with status 101."""

    response: Response
    extensions: Sequence[Extension]

    @property
    def accepted(self) -> bool:
        """Whether the handshake was accepted."""
        return self.response.status_code == 101


def negotiate(environ: Environ, compression: bool) -> HandshakeAnswer:
    """Answer the handshake, with permessage-deflate if `compression` allows it."""
    if (usual := _answer_usual(environ, compression)) is not None:
        return usual
    try:
        request = _request(environ)
    except InvalidHeader as error:
        return HandshakeAnswer(_rejection(HTTPStatus.BAD_REQUEST, f"{error}.\n"), ())
    if compression:
        handshake = _answer(request, [_DEFLATE])
        if all(_is_wide_enough(extension) for extension in handshake.extensions):
            return handshake
    return _answer(request)


def _answer_usual(environ: Environ, compression: bool) -> HandshakeAnswer | None:
    """The answer to a handshake as browsers send it; None for any other, which takes the library.

    The library's own takes a tenth of a connection's time.
    """
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
    offers = compression and "HTTP_SEC_WEBSOCKET_EXTENSIONS" in environ
    if (
        environ["REQUEST_METHOD"] != "GET"
        or environ.get("HTTP_UPGRADE") != "websocket"
        or environ.get("HTTP_CONNECTION") not in _UPGRADES
        or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13"
        or "HTTP_SEC_WEBSOCKET_PROTOCOL" in environ
        or offers
        or not _KEY.fullmatch(key)
    ):
        return None
    headers = Headers()
    headers["Date"] = _date(int(time.time()))
    headers["Upgrade"] = "websocket"
    headers["Connection"] = "Upgrade"
    headers["Sec-WebSocket-Accept"] = accept_key(key)
    return HandshakeAnswer(Response(101, "Switching Protocols", headers), ())


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _answer(
    request: Request, extensions: Sequence[ServerExtensionFactory] | None = None
) -> HandshakeAnswer:
    protocol = ServerProtocol(extensions=extensions)
    handshake = HandshakeAnswer(protocol.accept(request), protocol.extensions)
    _release(protocol)
    return handshake


def _rejection(status: HTTPStatus, text: str) -> Response:
    protocol = ServerProtocol()
    response = protocol.reject(status, text)
    _release(protocol)
    return response


def _release(protocol: ServerProtocol) -> None:
    """Break the reference cycles: the parser's, and those of a refusal's traceback."""
    protocol.parser.close()
    error: BaseException | None = protocol.handshake_exc
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def refuse(response: Response, start_response: StartResponse) -> Iterable[bytes]:
    """Answer the refusal in HTTP; the body names the wrong header, and nothing else."""
    body = response.body or b""
    hop_by_hop = {"connection", "date"}
    headers = [item for item in response.headers.raw_items() if item[0].lower() not in hop_by_hop]
    start_response(f"{response.status_code} {response.reason_phrase}", headers)
    return [bytes(body)]


class AcceptedSocket(NamedTuple):
    """A connection to be started, and the bytes that its peer sent before the answer."""

    connection: WebSocketConnection
    early: bytes


def accept(
    environ: Environ, handshake: HandshakeAnswer, reactor: Reactor, limits: ConnectionLimits
) -> AcceptedSocket:
    """Detach the socket from the server; the WSGI app has to return `end_request(environ)`."""
    detached = detach(environ)
    connection = WebSocketConnection(detached.socket, reactor, limits, handshake.extensions)
    return AcceptedSocket(connection, detached.early)


def _is_wide_enough(extension: Extension) -> bool:
    """Whether the client can read frames compressed with the shared window."""
    return isinstance(extension, PerMessageDeflate) and (
        extension.local_max_window_bits >= WINDOW_BITS
    )


def _request(environ: Environ) -> Request:
    headers = Headers()
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers[key[5:].replace("_", "-").title()] = value
    # The HTTP version is not checked: eventlet's server calls every request 1.0.
    return Request(environ.get("PATH_INFO", "/"), headers, method=environ["REQUEST_METHOD"])
