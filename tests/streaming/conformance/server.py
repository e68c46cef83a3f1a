"""The servers under test, at five paths of one port.

`/engine.io/` is Engine.IO, `/quick.io/` the same with a short ping interval and timeout,
`/lively.io/` with a short ping interval only; `/socket.io/` is Socket.IO, `/hasty.io/` the same
with a short ping interval and connect timeout. `/state?sid=…` returns the events of a session.

`python -m tests.streaming.conformance.server eventlet|gevent|threading PORT`
"""

import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    # Before any other import, as in `run.py`.
    patch(sys.argv[1])

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import WSGIApplication, WSGIEnvironment

import engineio
import socketio

from omcrm.streaming.engine import EngineServer
from omcrm.streaming.socketio_adapter import RealtimeServer

PING_INTERVAL, PING_TIMEOUT, MAX_PAYLOAD = 25, 20, 1_000_000
# For the paths with short times.
QUICK_INTERVAL, QUICK_TIMEOUT, CONNECT_TIMEOUT = 0.3, 0.2, 2
NAMESPACES = ("/", "/custom")

# The events of each session's handlers, and the requests being handled.
events: defaultdict[str, list[str]] = defaultdict(list)
inside: list[tuple[str, str]] = []


def engine(mode: str, interval: float, timeout: float) -> EngineServer:
    """Echoes every message; refuses `refuse` in the query, disconnects on `disconnect me`."""
    server = EngineServer(
        async_mode=mode,
        ping_interval=interval,
        ping_timeout=timeout,
        max_http_buffer_size=MAX_PAYLOAD,
        cors_allowed_origins=[],
        async_handlers=False,
    )

    def connect(sid: str, environ: WSGIEnvironment) -> bool:
        if "refuse" in environ["QUERY_STRING"]:
            return False
        events[sid].append("connect")
        return True

    def message(sid: str, data: str | bytes) -> None:
        events[sid].append("message")
        if data == "disconnect me":
            server.disconnect(sid)
        else:
            server.send(sid, data)

    server.on("connect", connect)
    server.on("message", message)
    server.on("disconnect", lambda sid, reason: events[sid].append(reason))
    return server


def realtime(mode: str, interval: float, timeout: float, **options: float) -> RealtimeServer:
    """A Socket.IO server with the handlers below in every namespace."""
    server = RealtimeServer(
        async_mode=mode,
        ping_interval=interval,
        ping_timeout=timeout,
        max_http_buffer_size=MAX_PAYLOAD,
        cors_allowed_origins=[],
        async_handlers=False,
        **options,
    )
    for namespace in NAMESPACES:
        answer(server, namespace)
    return server


def answer(server: RealtimeServer, namespace: str) -> None:
    """Add the handlers of a namespace."""
    auths: dict[str, Any] = {}

    def emit(event: str, data: tuple[Any, ...], sid: str, **options: Any) -> None:
        server.emit(event, data, to=sid, namespace=namespace, **options)

    def connect(sid: str, environ: WSGIEnvironment, auth: Any = None) -> None:
        auths[sid] = auth
        if auth and "greet" in auth:
            emit("greeting", (auth["greet"],), sid)
        if auth and "refuse" in auth:
            raise socketio.exceptions.ConnectionRefusedError(auth["refuse"])
        events[sid].append("connect")

    def echo(sid: str, *data: Any) -> None:
        events[sid].append("echo")
        emit("echo", data, sid)

    def ask(sid: str, *data: Any) -> None:
        emit("question", data, sid, callback=lambda *answer: emit("answered", answer, sid))

    handlers: dict[str, Callable[..., Any]] = {
        "connect": connect,
        "disconnect": lambda sid, reason: events[sid].append(reason),
        "auth": lambda sid: auths[sid] or {},
        "echo": echo,
        "acknowledge": lambda sid, *data: data,
        "return nothing": lambda sid: None,
        "ask": ask,
        "disconnect me": lambda sid: server.disconnect(sid, namespace),
    }
    for event, handler in handlers.items():
        server.on(event, handler, namespace=namespace)


def app(mode: str) -> WSGIApplication:
    """All paths, and `/state`."""
    whole: Any = state
    for path, server in {
        "engine.io": engine(mode, PING_INTERVAL, PING_TIMEOUT),
        "quick.io": engine(mode, QUICK_INTERVAL, QUICK_TIMEOUT),
        "lively.io": engine(mode, QUICK_INTERVAL, PING_TIMEOUT),
    }.items():
        whole = engineio.WSGIApp(server, whole, engineio_path=path)
    for path, server in {
        "socket.io": realtime(mode, PING_INTERVAL, PING_TIMEOUT),
        "hasty.io": realtime(mode, QUICK_INTERVAL, PING_TIMEOUT, connect_timeout=CONNECT_TIMEOUT),
    }.items():
        whole = socketio.WSGIApp(server, whole, socketio_path=path)

    def counted(environ: WSGIEnvironment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = (sid_of(environ), environ["REQUEST_METHOD"])
        if environ["PATH_INFO"] == "/state":
            return state(environ, start_response)
        inside.append(request)
        try:
            return whole(environ, start_response)  # type: ignore[no-any-return]
        finally:
            inside.remove(request)

    return counted


def sid_of(environ: WSGIEnvironment) -> str:
    return parse_qs(environ.get("QUERY_STRING", "")).get("sid", [""])[0]


def state(environ: WSGIEnvironment, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The events of a session, and those of all open sessions."""
    sid = sid_of(environ)
    body = {
        "events": events.get(sid, []),
        "inside": [method for session_id, method in inside if session_id == sid],
        "sessions": len(events),
        # A session has ended if its last event is a disconnect reason.
        "open": [
            history for history in events.values() if history[-1] in ("connect", "message", "echo")
        ],
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


if __name__ == "__main__":
    import signal

    from omcrm.concurrency import end_on
    from omcrm.serving.server import serve

    end_on(signal.SIGTERM)
    serve(app(sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
