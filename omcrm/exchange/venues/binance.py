"""Binance's WebSocket: named streams, bare or wrapped, commands that are all acknowledged.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from omcrm.exchange.command_frame import answer
from omcrm.exchange.frame_rate import FRAMES_A_SECOND
from omcrm.exchange.http import Answer, Request
from omcrm.exchange.message import Message
from omcrm.exchange.stream import STREAM_LIMIT, Opening, opening_of
from omcrm.exchange.venue import Dialect, Line, PlainDialect

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange


def speak(exchange: "Exchange", request: Request) -> "Callable[[Line], Dialect] | Answer":
    """Speak on a new connection, or refuse one to an unknown path."""
    opening = opening_of(request.target)
    if opening is None:
        return Answer(404, b"", content_type="text/html")
    if len(opening.streams) > STREAM_LIMIT:
        return Answer(400, b"too many streams", content_type="text/plain")
    return lambda line: Binance(exchange, line, opening)


class Binance(PlainDialect):
    """The dialect of one connection."""

    frames_a_second: int | None = FRAMES_A_SECOND

    def __init__(self, exchange: "Exchange", line: Line, opening: Opening) -> None:
        super().__init__(exchange, line)
        self.combined = opening.combined
        self.microseconds = opening.microseconds
        self._streams = opening.streams

    def opened(self) -> None:
        """Begin with the streams of the URL."""
        self.line.subscribe(list(self._streams))

    def heard(self, text: bytes) -> None:
        """Answer a command."""
        self.line.say(answer(self, text))

    @property
    def subscriptions(self) -> list[str]:
        """The streams received now."""
        return self.line.subscriptions

    def subscribe(self, streams: list[str]) -> None:
        """Begin to receive `streams`."""
        self.line.subscribe(streams)

    def unsubscribe(self, streams: list[str]) -> None:
        """Receive `streams` no longer."""
        self.line.unsubscribe(streams)

    def told(self, message: Message) -> Iterable[bytes]:
        """The message itself, framed once for all who receive it alike."""
        return (message.frame(self.combined, self.microseconds),)

    def closing_soon(self) -> bytes:
        """The notice of the end."""
        notice = {"e": "serverShutdown", "E": time.time_ns() // 1_000_000}
        wrapped = {"stream": "!serverShutdown", "data": notice}
        return msgspec.json.encode(wrapped if self.combined else notice)

    def status(self) -> dict[str, Any]:
        """How events are wrapped."""
        return {"combined": self.combined, "microseconds": self.microseconds}
