"""OKX's public WebSocket: `trades`, `bbo-tbt` and `tickers` of pairs like BTC-USDT.

https://www.okx.com/docs-v5/en/#overview-websocket
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from simulator.http import HttpAnswer, HttpRequest
from simulator.listing import Listing
from simulator.protocol import (
    ClientLine,
    PlainDialect,
    ProviderDialect,
    ProviderProtocol,
    SourceEndpoint,
)
from simulator.providers.spelling import find, is_coin
from simulator.providers.text import encode, plain, read_top, read_trade
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_message import StreamMessage, framed
from simulator.stream_name import symbol_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

PATH = "/ws/v5/public"
# Binance's stream that each channel is made of.
STREAMS = {"trades": "trade", "tickers": "trade", "bbo-tbt": "bookTicker"}
# Seconds after which a connection is ended that carries nothing.
SILENT_FOR = 30
MOST_BYTES = 64 * 1024
REQUESTS_AN_HOUR = 480
HOUR = 3600 * 1000


class OkxTopic(Struct, frozen=True):
    """What is subscribed to."""

    channel: str
    inst_id: str = msgspec.field(name="instId")


class OkxCommand(Struct, frozen=True):
    """A request of the client."""

    op: str
    args: list[OkxTopic]


_command = msgspec.json.Decoder(OkxCommand).decode


def spelled(listing: Listing) -> str | None:
    """Return BTC-USDT; None for other classes."""
    return f"{listing.base}-USDT" if is_coin(listing) else None


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection; one path serves all."""
    if request.path != PATH:
        return HttpAnswer(404, b"", content_type="text/plain")
    return lambda line: SimulatedOkx(server, line)


class SimulatedOkx(PlainDialect):
    """The dialect of one connection."""

    def __init__(self, server: "ProviderServer", line: ClientLine) -> None:
        super().__init__(server, line)
        self._wanted: dict[OkxTopic, Listing] = {}
        self._requests: deque[int] = deque()
        self._silent_for = 0

    # The client's commands

    def received(self, text: bytes) -> None:
        """Answer a ping, or a command once for each of its topics."""
        self._silent_for = 0
        if text == b"ping":
            self.line.send_text(b"pong")
            return
        try:
            command = _command(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._refuse("60012", f"Invalid request: {text[:100].decode('utf-8', 'replace')}")
            return
        if len(text) > MOST_BYTES or command.op not in ("subscribe", "unsubscribe"):
            self._refuse("60012", "Invalid request")
        elif self._is_too_frequent():
            self._refuse("60014", "Requests too frequent")
        else:
            for topic in command.args:
                self._execute(command.op, topic)

    def _is_too_frequent(self) -> bool:
        now = self.server.source.now()
        while self._requests and self._requests[0] <= now - HOUR:
            self._requests.popleft()
        if len(self._requests) >= REQUESTS_AN_HOUR:
            return True
        self._requests.append(now)
        return False

    def _execute(self, operation: str, topic: OkxTopic) -> None:
        listing = find(self.server.source, spelled, topic.inst_id)
        if listing is None or topic.channel not in STREAMS:
            named = f"channel:{topic.channel},instId:{topic.inst_id}"
            self._refuse("60018", f"Wrong URL or {named} doesn't exist.")
            return
        if operation == "subscribe":
            self._wanted[topic] = listing
        else:
            self._wanted.pop(topic, None)
        self._receive()
        self._send({"event": operation, "arg": topic})
        if operation == "subscribe" and (data := self._latest(topic.channel, listing)):
            self.line.send_text(self._push(topic, data))

    def _receive(self) -> None:
        """Subscribe to the streams that the topics need."""
        streams = {
            f"{listing.stream}@{STREAMS[topic.channel]}" for topic, listing in self._wanted.items()
        }
        held = set(self.line.subscriptions)
        self.line.unsubscribe(sorted(held - streams))
        self.line.subscribe(sorted(streams - held))

    def _refuse(self, code: str, message: str) -> None:
        self._send({"event": "error", "code": code, "msg": message})

    def _send(self, fields: dict[str, Any]) -> None:
        self.line.send_text(encode({**fields, "connId": f"{self.line.number:08x}"}))

    # Messages to the client

    def second(self) -> None:
        """Close a connection that carried nothing for too long."""
        self._silent_for += 1
        if self._silent_for >= SILENT_FOR:
            self.line.close(4004, "No data received in 30s.")

    def closing_soon(self) -> bytes:
        """Return the notice of a service upgrade."""
        words = "The connection will soon be closed for a service upgrade. Please reconnect."
        return encode({"event": "notice", "code": "64008", "msg": words})

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return the trade and the ticker of a trade, or the new best bid and ask."""
        listing = self.server.source.listings[symbol_of(message.stream)]
        name = spelled(listing)
        if name is None:
            return
        self._silent_for = 0
        if message.stream.endswith("@bookTicker"):
            data: dict[str, dict[str, Any] | None] = {
                "bbo-tbt": self._book(read_top(message.payload))
            }
            if not self.server.sends("books"):
                return
        else:
            trade = read_trade(message.payload)
            data = {
                "trades": self._trade(name, trade) if self.server.sends("trades") else None,
                "tickers": self._ticker(name, listing, trade),
            }
        for channel, entry in data.items():
            topic = OkxTopic(channel, name)
            if entry is not None and topic in self._wanted:
                yield framed(self._push(topic, entry))

    def _latest(self, channel: str, listing: Listing) -> dict[str, Any] | None:
        """Return the present state, which follows a subscription; None where there is none."""
        name = spelled(listing) or ""
        if channel == "bbo-tbt":
            return None if listing.top is None else self._book(listing.top)
        if listing.last is None:
            return None
        if channel == "trades":
            return self._trade(name, listing.last)
        return self._ticker(name, listing, listing.last)

    def _push(self, topic: OkxTopic, data: dict[str, Any]) -> bytes:
        return encode({"arg": topic, "data": [data]})

    def _book(self, top: Top) -> dict[str, Any]:
        return {
            "asks": [[plain(top.ask), plain(top.ask_quantity), "0", "1"]],
            "bids": [[plain(top.bid), plain(top.bid_quantity), "0", "1"]],
            "ts": str(self.server.now()), "seqId": top.update_id,
        }  # fmt: skip

    def _ticker(self, name: str, listing: Listing, last: SimulatedTrade) -> dict[str, Any] | None:
        day, top = listing.day(self.server.source.now()), listing.top
        if day is None or top is None:
            return None
        bar = day.bar
        return {
            "instType": "SPOT", "instId": name, "last": plain(last.price),
            "lastSz": plain(last.quantity), "askPx": plain(top.ask),
            "askSz": plain(top.ask_quantity), "bidPx": plain(top.bid),
            "bidSz": plain(top.bid_quantity), "open24h": plain(bar.open),
            "high24h": plain(bar.high), "low24h": plain(bar.low),
            "volCcy24h": plain(bar.quote), "vol24h": plain(bar.volume),
            "sodUtc0": plain(bar.open), "sodUtc8": plain(bar.open),
            "ts": str(self.server.now()),
        }  # fmt: skip

    def _trade(self, name: str, trade: SimulatedTrade) -> dict[str, Any]:
        return {
            "instId": name, "tradeId": str(trade.id), "px": plain(trade.price),
            "sz": plain(trade.quantity), "side": "sell" if trade.buyer_is_maker else "buy",
            "ts": str(trade.time + self.server.ahead()), "count": "1",
        }  # fmt: skip


VENUE = ProviderProtocol(
    open_socket=open_socket, endpoints={"okx": SourceEndpoint("okx", time_keys=("ts",))}
)
