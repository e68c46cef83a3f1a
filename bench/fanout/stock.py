"""Plain Flask-SocketIO as in its documentation: rooms, and `emit` from a background task.

python -m bench.fanout.stock eventlet|gevent PORT RATE SYMBOL...
"""

# Before any other import, as in run.py.
import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    patch(sys.argv[1])

import resource
import time
from typing import Any

from flask import Flask
from flask_socketio import SocketIO, join_room

from bench.fanout.dialect import NAMESPACE, update

# eventlet serves 1 024 connections by default.
_POOL = {"eventlet": {"max_size": 100_000}, "gevent": {}}


def make(mode: str) -> tuple[Flask, SocketIO]:
    """The app: a page that subscribes to a symbol joins its room."""
    app = Flask(__name__)
    socketio = SocketIO(app, async_mode=mode)

    @socketio.on("connect", namespace=NAMESPACE)
    def connect(auth: Any = None) -> None:
        """Accept every client."""

    @socketio.on("subscribe_to_instruments", namespace=NAMESPACE)
    def subscribe(body: dict[str, list[str]]) -> None:
        for symbol in body["symbols"]:
            join_room(symbol)

    return app, socketio


def emit_ticks(socketio: SocketIO, rate: float, symbols: list[str]) -> None:
    """Emit one tick of each symbol `rate` times a second; a missed tick is not sent later."""
    count, due = 0, time.monotonic()
    while True:
        due = max(due + 1 / rate, time.monotonic())
        for symbol in symbols:
            count += 1
            body = update(symbol, count)
            socketio.emit("price_update", body, to=symbol, namespace=NAMESPACE)
        socketio.sleep(max(0.0, due - time.monotonic()))


def main(mode: str, port: str, rate: str, *symbols: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    app, socketio = make(mode)
    socketio.start_background_task(emit_ticks, socketio, float(rate), list(symbols))
    socketio.run(app, "127.0.0.1", int(port), log_output=False, **_POOL[mode])


if __name__ == "__main__":
    main(*sys.argv[1:])
