"""A polling client of a Socket.IO server, without sockets."""

from collections.abc import Callable
from typing import Any

from omcrm.streaming.socketio_adapter import RealtimeServer
from tests.streaming.asked import Ask, opened

Serve = Callable[..., RealtimeServer]


def welcome(sid: str, environ: dict[str, Any]) -> None:
    """Let everybody in."""


class Guest:
    """A polling client of a server."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.query = opened(ask)
        self.sid = self.query.rpartition("=")[2]

    def say(self, *packets: str) -> int:
        """Post these packets of Socket.IO; the status of the answer."""
        body = "\x1e".join(packet if packet.startswith("b") else f"4{packet}" for packet in packets)
        return self.ask(self.query, body.encode()).status

    def hear(self) -> list[str]:
        """What is there to be heard, as soon as anything is."""
        return self.ask(self.query).body.decode().split("\x1e")

    def joins(self) -> str:
        """Join; the answer."""
        self.say("0")
        return self.hear()[0]
