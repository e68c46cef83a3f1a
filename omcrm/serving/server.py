"""The server of `run.py`: a worker without gunicorn's master, in this process."""

import logging
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.config import Config

from omcrm.concurrency import active_mode
from omcrm.serving.worker import WORKERS, HttpWorker

BACKLOG = 4096
"""The accept queue, long enough for all clients to reconnect at once."""

SETTINGS = {
    # How long a connection is kept open for its next request, in seconds.
    "keepalive": 5,
    # TRUSTED_PROXIES alone decides which proxy may set the client's address and scheme.
    "forwarded_allow_ips": "",
    "worker_connections": 20_000,
    # The system's sendfile does not work with eventlet's sockets.
    "sendfile": False,
}
"""gunicorn's settings that `run.py` and gunicorn share."""

# Requests under way at the end have this many seconds, as with gunicorn.
_GRACE = 5


def serve(app: Any, host: str, port: int, at_end: Callable[[], int] = lambda: 0) -> None:
    """Serve until the main thread is made to exit; `at_end` closes detached connections."""
    with listen(host, port) as listener:
        worker = make_worker(app, listener)
        worker.at_end = at_end
        worker.run()


def make_worker(app: Any, listener: socket.socket) -> HttpWorker:
    """A worker that serves the app on this socket when it is `run`."""
    config = Config()
    for name, value in {**SETTINGS, "graceful_timeout": _GRACE}.items():
        config.set(name, value)
    log = _Log("omcrm.serving")
    worker = WORKERS[active_mode()](0, None, [listener], None, 0, config, log)
    worker.wsgi = app
    return worker


def listen(host: str, port: int) -> socket.socket:
    """A listening socket."""
    family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


class _Log(logging.LoggerAdapter):  # type: ignore[type-arg]
    """Our own log with the interface of gunicorn's."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))

    def access(self, *_: object) -> None:
        """Requests are not logged."""
