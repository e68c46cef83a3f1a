"""A connection together with its peer, as the fixture `opened` makes them."""

import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from omcrm.streaming.connection import WebSocketConnection
from omcrm.streaming.frame import text_frame
from tests.processes import wait_for
from tests.streaming.raw_client import RawClient
from tests.streaming.recording_listener import RecordingListener


class Pair(NamedTuple):
    """A connection, its listener and its peer."""

    connection: WebSocketConnection
    listener: RecordingListener
    peer: RawClient


Opener = Callable[..., Pair]


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        return server.accept()[0], theirs


def fill_socket(pair: Pair) -> int:
    """Send state until no more is accepted for a while; the number of accepted frames."""
    payload, taken = text_frame(b"x" * 1000), 0
    full_since = time.monotonic()
    while time.monotonic() < full_since + 0.1:
        if pair.connection.try_send(payload):
            taken, full_since = taken + 1, time.monotonic()
        time.sleep(0 if not pair.connection.blocked else 0.005)
    return taken


def begin_close(pair: Pair) -> None:
    """Close, and wait until the close frame is sent."""
    pair.connection.close()
    wait_for(lambda: not pair.connection.open, 5)
