"""The servers that `run.py` can be, one for each kind of threads."""

import contextlib
import errno
import logging
from typing import Any

from flask import Flask

from omcrm.concurrency import active_mode
from omcrm.process import REQUEST_PATIENCE
from omcrm.streaming.seldom import Seldom

# Requests at once; a WebSocket is none as soon as it has been taken over.
_MOST_REQUESTS = 20_000
# Clients that all come back at once wait here.
_BACKLOG = 4096
# After it ran out of descriptors, and before it ends, in seconds.
_OUT_OF_FILES, _LAST_MOMENT = 0.05, 1.0

_complaints = Seldom(logging.getLogger(__name__))


def serve(app: Flask, host: str, port: int) -> None:
    """Serve until the main thread is told to exit."""
    {"eventlet": _eventlet, "gevent": _gevent, "threading": _werkzeug}[active_mode()](
        app, host, port
    )


def _eventlet(app: Flask, host: str, port: int) -> None:
    import eventlet
    from eventlet import greenio, wsgi
    from eventlet.green import socket

    class Listener(greenio.GreenSocket):  # type: ignore[misc]
        def accept(self) -> Any:
            """One at a time: a crowd that comes at once waits, and those who are in do not."""
            while True:
                eventlet.sleep(0)
                try:
                    return super().accept()
                except OSError as error:
                    # Some will be given back; eventlet's server would end itself.
                    if error.errno not in (errno.EMFILE, errno.ENFILE):
                        raise
                    eventlet.sleep(_OUT_OF_FILES)

    class Pool(eventlet.GreenPool):  # type: ignore[misc]
        def waitall(self) -> None:
            """At the end: who is in the middle of a request has a moment left."""
            with eventlet.Timeout(_LAST_MOMENT, False):
                super().waitall()

    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = eventlet.listen(address, family, backlog=_BACKLOG)
    wsgi.server(
        Listener(listener.fd),
        app,
        custom_pool=Pool(_MOST_REQUESTS),
        socket_timeout=REQUEST_PATIENCE,
        log_output=False,
        debug=False,
    )


def _gevent(app: Flask, host: str, port: int) -> None:
    from gevent import pywsgi

    class Handler(pywsgi.WSGIHandler):  # type: ignore[misc]
        def handle(self) -> None:
            """Serve a connection; that a client goes in the middle of it is no news."""
            self.socket.settimeout(REQUEST_PATIENCE)
            with contextlib.suppress(OSError):
                super().handle()

        def handle_error(self, kind: Any, error: BaseException, trace: Any) -> None:
            """One line about what a stranger sent, instead of a traceback."""
            _complaints.warning("a request could not be served: %r", error)
            self._send_error_response_if_possible(500)

        def _handle_client_error(self, error: BaseException) -> Any:
            # Of anything but a ValueError it would print the traceback.
            return super()._handle_client_error(ValueError(str(error) or type(error).__name__))

        def log_error(self, message: str, *values: object) -> None:
            """At most one line a second, however many strangers talk nonsense."""
            _complaints.warning(message, *values)

    class Server(pywsgi.WSGIServer):  # type: ignore[misc]
        # A crowd that comes at once waits, and those who are in do not.
        max_accept = 1

        def do_close(self, sock: Any, *others: Any) -> None:
            with contextlib.suppress(OSError):
                super().do_close(sock, *others)

    Server(
        (host, port), app, log=None, backlog=_BACKLOG, spawn=_MOST_REQUESTS, handler_class=Handler
    ).serve_forever()


def _werkzeug(app: Flask, host: str, port: int) -> None:
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        timeout = REQUEST_PATIENCE

        def log(self, kind: str, message: str, *values: Any) -> None:
            """As the other servers, which do not log each request."""

    class Server(ThreadedWSGIServer):
        request_queue_size = _BACKLOG

    Server(host, port, app, Handler).serve_forever()
