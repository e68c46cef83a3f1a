"""A client of Kraken's protocol."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from websocket import (
    WebSocket,
    WebSocketConnectionClosedException,
    WebSocketTimeoutException,
)

from tests.processes import PATIENCE


class Client:
    """A Kraken client, after the status that begins every connection."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.status = self.next()

    def next(self) -> Any:
        """The next message; its numbers are exact."""
        text = self.socket.recv()
        if not text:
            raise WebSocketConnectionClosedException
        return json.loads(text, parse_float=Decimal)

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The next message that `wanted` accepts."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            message = self.next()
            if wanted(message):
                return message
        raise AssertionError("no such message came")

    def data(self, channel: str, kind: str = "update") -> Any:
        """The data of the next message of this channel and kind."""
        message = self.until(
            lambda frame: (channel, kind) == (frame.get("channel"), frame.get("type"))
        )
        return message["data"]

    def answer(self, method: str, req_id: int | None = None, **params: Any) -> Any:
        """The first answer to a command."""
        self.send(method, req_id, **params)
        return self.until(lambda message: "success" in message or message.get("method") == "pong")

    def send(self, method: str, req_id: int | None = None, **params: Any) -> None:
        command: dict[str, Any] = {"method": method}
        if params:
            command["params"] = params
        if req_id is not None:
            command["req_id"] = req_id
        self.socket.send(json.dumps(command))

    def messages_within(self, seconds: float) -> list[Any]:
        """All messages of so many seconds."""
        received, deadline = [], time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                received.append(self.next())
        except WebSocketTimeoutException:
            pass
        self.socket.settimeout(PATIENCE)
        return received
