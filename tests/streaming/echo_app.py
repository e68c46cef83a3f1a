"""A WebSocket endpoint that echoes, under each of the servers; also for a protocol suite by hand.

`python -m tests.streaming.echo_app eventlet|gevent|threading PORT [plain]`; compression is accepted
unless `plain` is given. `/state` returns the number of connections.
"""

import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    # Before any other import, as in `run.py`.
    patch(sys.argv[1])

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import WSGIEnvironment

from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.detach import NotDetachable, end_request
from omcrm.streaming.endpoint import accept, negotiate, refuse
from omcrm.streaming.frame import binary_frame, deflated_frame, text_frame
from omcrm.streaming.reactor import Reactor

LARGEST = 16 * 1024 * 1024
LIMITS = ConnectionLimits(message=LARGEST, backlog=4 * LARGEST, closing=1.0)


class Echo:
    """Sends everything back; text is compressed if compression was negotiated."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection

    def received(self, message: str | bytes) -> None:
        """Send it back; `close 4000 reason` closes."""
        connection = self._connection
        if isinstance(message, bytes):
            connection.send(binary_frame(message))
        elif message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            connection.close(int(code), reason)
        else:
            make = deflated_frame if connection.deflates else text_frame
            connection.send(make(message.encode()))

    def writable(self) -> None:
        """Ignored."""

    def lost(self) -> None:
        """An echo was dropped."""
        logging.error("an echo was lost")  # noqa: LOG015

    def closed(self) -> None:
        """Ignored."""


def make_app(compression: bool) -> Callable[..., Iterable[bytes]]:
    """Echoes at every path but `/state`."""
    reactor = Reactor()

    def echo(environ: WSGIEnvironment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        handshake = negotiate(environ, compression)
        if not handshake.accepted:
            return refuse(handshake.response, start_response)
        try:
            connection, early = accept(environ, handshake, reactor, LIMITS)
        except NotDetachable:
            start_response("501 Not Implemented", [("Content-Length", "0")])
            return []
        connection.start(Echo(connection), handshake.response.serialize(), early)
        return end_request(environ)

    def app(environ: WSGIEnvironment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/state":
            return echo(environ, start_response)
        state = {"connections": reactor.connections(), **reactor.counters}
        body = json.dumps(state).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return app


if __name__ == "__main__":
    import signal

    from omcrm.concurrency import end_on
    from omcrm.serving.server import serve

    logging.basicConfig(level=logging.INFO)
    end_on(signal.SIGTERM)
    serve(make_app("plain" not in sys.argv[3:]), "127.0.0.1", int(sys.argv[2]))
