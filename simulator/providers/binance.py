"""Binance's WebSocket: named streams, bare or combined, and commands that are all acknowledged.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from simulator import rest
from simulator.command_frame import answer
from simulator.frame_rate import FRAMES_A_SECOND
from simulator.http import HttpAnswer, HttpRequest
from simulator.protocol import ClientLine, PlainDialect, ProviderDialect, ProviderProtocol
from simulator.stream_message import StreamMessage
from simulator.stream_name import STREAM_LIMIT, SocketOpening, opening_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

# The streams of each channel that a fault may stop.
CHANNELS = {"trade": "trades", "aggTrade": "trades", "bookTicker": "books"}
# When an event was sent, and when its trade was made.
TIMES = re.compile(rb'("[ET]":)(\d+)')


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection, or refuse an unknown path."""
    opening = opening_of(request.target)
    if opening is None:
        return HttpAnswer(404, b"", content_type="text/html")
    if len(opening.streams) > STREAM_LIMIT:
        return HttpAnswer(400, b"too many streams", content_type="text/plain")
    return lambda line: SimulatedBinance(server, line, opening)


class SimulatedBinance(PlainDialect):
    """The dialect of one connection."""

    frames_a_second: int | None = FRAMES_A_SECOND

    def __init__(self, server: "ProviderServer", line: ClientLine, opening: SocketOpening) -> None:
        super().__init__(server, line)
        self.combined = opening.combined
        self._streams = opening.streams

    def opened(self) -> None:
        """Subscribe to the streams of the URL."""
        self.line.subscribe(list(self._streams))

    def received(self, text: bytes) -> None:
        """Answer a command."""
        self.line.send_text(answer(self, text))

    @property
    def subscriptions(self) -> list[str]:
        """The subscribed streams."""
        return self.line.subscriptions

    def subscribe(self, streams: list[str]) -> None:
        """Subscribe to `streams`."""
        self.line.subscribe(streams)

    def unsubscribe(self, streams: list[str]) -> None:
        """Unsubscribe from `streams`."""
        self.line.unsubscribe(streams)

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return the message itself, framed once for all its receivers."""
        channel = CHANNELS.get(message.stream.partition("@")[2], "")
        if not self.server.sends(channel):
            return ()
        if ahead := self.server.ahead():
            moved = TIMES.sub(
                lambda time: b"%s%d" % (time[1], int(time[2]) + ahead), message.payload
            )
            message = StreamMessage(message.stream, moved)
        return (message.frame(self.combined),)

    def closing_soon(self) -> bytes:
        """Return the shutdown notice."""
        notice = {"e": "serverShutdown", "E": time.time_ns() // 1_000_000}
        wrapped = {"stream": "!serverShutdown", "data": notice}
        return msgspec.json.encode(wrapped if self.combined else notice)

    def status(self) -> dict[str, Any]:
        """Return whether events are combined."""
        return {"combined": self.combined}


VENUE = ProviderProtocol(open_socket=open_socket, answer=rest.answer)
