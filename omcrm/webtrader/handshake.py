"""Refuses Socket.IO requests from other origins before anything else handles them."""

from collections.abc import Callable, Iterable
from typing import Any

from omcrm.auth.origin import is_foreign
from omcrm.extensions import SOCKETIO_PATH

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_BODY = b'{"success":false,"error":{"code":"FORBIDDEN_ORIGIN","message":"forbidden origin"}}'


class SameOrigin:
    """WSGI middleware: a Socket.IO request with a foreign `Origin` is answered with 403.

    Allowed are `public_url` or, if none is set, the request's own host. A request without an Origin
    passes: browsers send one with every WebSocket and every cross-origin request.
    """

    def __init__(self, app: Wsgi, public_url: str) -> None:
        self._app = app
        self._public_url = public_url

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(SOCKETIO_PATH) and is_foreign(environ, self._public_url):
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]
            start_response("403 Forbidden", headers)
            return [_BODY]
        return self._app(environ, start_response)
