"""The servers that `run.py` can be, one for each kind of threads."""

from typing import Any

from flask import Flask

from omcrm.concurrency import active_mode

# Requests at once; a WebSocket is none as soon as it has been taken over.
_MOST_REQUESTS = 20_000
# A client that is in the middle of a request may be silent for so many seconds.
_PATIENCE = 30.0
# Clients that all come back at once wait here.
_BACKLOG = 4096


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
            eventlet.sleep(0)
            return super().accept()

    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = eventlet.listen(address, family, backlog=_BACKLOG)
    wsgi.server(
        Listener(listener.fd),
        app,
        max_size=_MOST_REQUESTS,
        socket_timeout=_PATIENCE,
        log_output=False,
        debug=False,
    )


def _gevent(app: Flask, host: str, port: int) -> None:
    from gevent import pywsgi

    class Handler(pywsgi.WSGIHandler):  # type: ignore[misc]
        def handle(self) -> None:
            self.socket.settimeout(_PATIENCE)
            super().handle()

    class Server(pywsgi.WSGIServer):  # type: ignore[misc]
        # A crowd that comes at once waits, and those who are in do not.
        max_accept = 1

    Server(
        (host, port), app, log=None, backlog=_BACKLOG, spawn=_MOST_REQUESTS, handler_class=Handler
    ).serve_forever()


def _werkzeug(app: Flask, host: str, port: int) -> None:
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        timeout = _PATIENCE

        def log(self, kind: str, message: str, *values: Any) -> None:
            """As the other servers, which do not log each request."""

    class Server(ThreadedWSGIServer):
        request_queue_size = _BACKLOG

    Server(host, port, app, Handler).serve_forever()
