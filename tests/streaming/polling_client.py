"""A polling client of a Socket.IO server, without sockets."""

from collections.abc import Callable
from typing import Any

from omcrm.streaming.socketio_adapter import RealtimeServer
from tests.streaming.wsgi_client import Ask, open_session

Serve = Callable[..., RealtimeServer]


def accept_all(sid: str, environ: dict[str, Any]) -> None:
    """A connect handler that accepts every client."""


class PollingClient:
    """A polling session of a server."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.query = open_session(ask)
        self.sid = self.query.rpartition("=")[2]

    def send(self, *packets: str) -> int:
        """Post Socket.IO packets; the status of the answer."""
        body = "\x1e".join(packet if packet.startswith("b") else f"4{packet}" for packet in packets)
        return self.ask(self.query, body.encode()).status

    def receive(self) -> list[str]:
        """Poll; the packets of the answer."""
        return self.ask(self.query).body.decode().split("\x1e")

    def join(self) -> str:
        """Connect to the main namespace; the answer."""
        self.send("0")
        return self.receive()[0]
