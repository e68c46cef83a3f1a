"""The server that `run.py` is: a worker without gunicorn's master, in this process."""

import logging
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.config import Config

from omcrm.concurrency import active_mode
from omcrm.serving.worker import WORKERS, HttpWorker

BACKLOG = 4096
"""Clients that all come back at once wait here."""

SETTINGS = {
    # So long a connection is kept for its next request, in seconds.
    "keepalive": 5,
    # Who may be believed about the client's address and scheme is said by TRUSTED_PROXIES alone.
    "forwarded_allow_ips": "",
    "worker_connections": 20_000,
    # The system's own way of sending files does not know eventlet's sockets.
    "sendfile": False,
}
"""gunicorn's settings that `run.py` and gunicorn share."""

# Who is in the middle of a request at the end has a moment left, as with gunicorn.
_GRACE = 5


def serve(app: Any, host: str, port: int, at_end: Callable[[], int] = lambda: 0) -> None:
    """Serve until the main thread is made to exit; `at_end` closes what the app took over."""
    with listen(host, port) as listener:
        worker = make_worker(app, listener)
        worker.at_end = at_end
        worker.run()


def make_worker(app: Any, listener: socket.socket) -> HttpWorker:
    """A worker that serves the app on this socket, for as long as somebody `run`s it."""
    config = Config()
    for name, value in {**SETTINGS, "graceful_timeout": _GRACE}.items():
        config.set(name, value)
    log = _Log("omcrm.serving")
    worker = WORKERS[active_mode()](0, None, [listener], None, 0, config, log)
    worker.wsgi = app
    return worker


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there."""
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


class _Log(logging.LoggerAdapter):  # type: ignore[type-arg]
    """Our own log where gunicorn's code expects its."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))

    def access(self, *_: object) -> None:
        """Requests are not logged."""
