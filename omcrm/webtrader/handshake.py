"""What happens to Socket.IO requests first: those from other origins are refused."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from omcrm.auth.credential import expect
from omcrm.auth.origin import is_foreign
from omcrm.extensions import SOCKETIO_PATH

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_BODY = b'{"success":false,"error":{"code":"FORBIDDEN_ORIGIN","message":"forbidden origin"}}'
_LENGTH = str(len(_BODY))


class Handshake:
    """WSGI middleware: a Socket.IO request with a foreign `Origin` is answered with 403. The login
    of one that begins a session is noted, so that many are looked up at once.

    Allowed are `public_url` or, if none is set, the request's own host. A request without an Origin
    passes: browsers send one with every WebSocket and every cross-origin request.
    """

    def __init__(self, within: Wsgi, app: Flask, public_url: str) -> None:
        self._within = within
        self._app = app
        self._public_url = public_url

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(SOCKETIO_PATH):
            if is_foreign(environ, self._public_url):
                content = [("Content-Type", "application/json"), ("Content-Length", _LENGTH)]
                start_response("403 Forbidden", content)
                return [_BODY]
            if "sid=" not in environ.get("QUERY_STRING", ""):
                expect(self._app, environ)
        return self._within(environ, start_response)
