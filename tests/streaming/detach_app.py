"""A WSGI app that detaches connections and echoes on them, and the servers without gunicorn.

`python -m tests.streaming.detach_app eventlet|gevent|threading PORT`
"""

import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    # Before any other import, as in `run.py`.
    patch(sys.argv[1])

import gc
import json
import select
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import WSGIEnvironment

from greenlet import greenlet

from omcrm.streaming.detach import DetachedSocket, NotDetachable, detach, end_request

ANSWER = "HTTP/1.1 101 Switching Protocols\r\nX-Class: {}\r\nX-Early: {}\r\n\r\n"
# The most bytes kept for a client that does not read its echo.
MOST = 1_000_000

executed = 0
held: list[DetachedSocket] = []


def app(environ: WSGIEnvironment, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/take` detaches and echoes, `/hold` keeps until `/release`; `/admin` counts its requests."""
    global executed  # noqa: PLW0603
    path = environ["PATH_INFO"]
    if path in ("/take", "/hold"):
        try:
            detached = detach(environ)
        except NotDetachable as refused:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [str(refused).encode()]
        keep(detached, echoes=path == "/take")
        return end_request(environ)
    if path == "/admin":
        executed += 1
    if path == "/release":
        for sock, _ in held:
            sock.close()
        held.clear()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(state()).encode()]


def state() -> dict[str, int]:
    """The number of `/admin` requests, running greenlets and held connections."""
    gc.collect()
    running = [
        candidate for candidate in gc.get_objects() if isinstance(candidate, greenlet) and candidate
    ]
    return {"executed": executed, "greenlets": len(running), "held": len(held)}


def keep(detached: DetachedSocket, echoes: bool) -> None:
    """Answer the upgrade; hold the connection, or echo in another thread."""
    sock, early = detached
    assert not sock.getblocking()
    name = f"{type(sock).__module__}.{type(sock).__name__}"
    if not echoes:
        held.append(detached)
    sock.send(ANSWER.format(name, len(early)).encode())
    if echoes:
        threading.Thread(target=echo, args=detached, daemon=True).start()


def echo(sock: Any, waiting: bytes) -> None:
    """Send everything back until the client closes or sends `bye`, then close."""
    ended = False
    try:
        while waiting or not ended:
            reads = [] if ended or len(waiting) > MOST else [sock]
            readable, writable, _ = select.select(reads, [sock] if waiting else [], [])
            if readable:
                data = sock.recv(65536)
                waiting += data
                ended = not data or data.endswith(b"bye")
            if writable:
                waiting = waiting[sock.send(waiting) :]
    except OSError:
        pass
    sock.close()


if __name__ == "__main__":
    import signal

    from omcrm.concurrency import end_on
    from omcrm.serving.server import serve

    end_on(signal.SIGTERM)
    serve(app, "127.0.0.1", int(sys.argv[2]))
