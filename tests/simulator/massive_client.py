"""A client that speaks Massive's protocol, for the tests of the simulated provider."""

import contextlib
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from websocket import WebSocket, WebSocketConnectionClosedException, WebSocketTimeoutException

from tests.processes import PATIENCE

KEY = "an-example-key"
CONNECTED = [{"ev": "status", "status": "connected", "message": "Connected Successfully"}]


def play(running, trick: str) -> None:
    """Start one of Massive's tricks."""
    wanted = {"fault": "trick", "venue": "massive", "name": trick}
    assert 200 == running.request("/control/faults", "POST", wanted)[0]


class Client:
    """A Massive client; every frame it receives is an array."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.frames: list[bytes] = []

    def next(self) -> Any:
        """The next frame."""
        text = self.socket.recv()
        assert text, "the connection is closed"
        self.frames.append(text.encode())
        return json.loads(text, parse_float=Decimal)

    def send(self, action: str, params: str) -> None:
        self.socket.send(json.dumps({"action": action, "params": params}))

    def log_in(self, key: str = KEY) -> Any:
        """Send a key and return the answer."""
        assert self.next() == CONNECTED
        self.send("auth", key)
        return self.next()

    def answers(self, action: str, params: str, count: int) -> list[Any]:
        """The frames of statuses until there are so many; prices are skipped."""
        self.send(action, params)
        frames: list[Any] = []
        while sum(map(len, frames)) < count:
            frame = self.next()
            if frame[0]["ev"] == "status":
                frames.append(frame)
        return frames

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The next event that `wanted` accepts."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for event in self.next():
                if wanted(event):
                    return event
        raise AssertionError("no such event came")

    def event(self, kind: str) -> Any:
        """The next event of a kind."""
        return self.until(lambda event: event["ev"] == kind)

    def events(self, count: int) -> list[Any]:
        """So many events, or a few more."""
        received: list[Any] = []
        while len(received) < count:
            received += self.next()
        return received

    def events_within(self, seconds: float) -> list[Any]:
        """All events of so many seconds."""
        received, deadline = [], time.monotonic() + seconds
        with contextlib.suppress(WebSocketTimeoutException):
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                received += self.next()
        self.socket.settimeout(PATIENCE)
        return received

    def end(self) -> tuple[str, int | None]:
        """The last status, and the code of the close frame; None where there is none."""
        status = self.until(lambda event: event.get("status") not in (None, "success"))["status"]
        try:
            while True:
                opcode, data = self.socket.recv_data(control_frame=True)
                if opcode == 8:
                    return status, int.from_bytes(data[:2], "big")
        except (WebSocketConnectionClosedException, ConnectionError):
            return status, None
