"""Coinbase Exchange's WebSocket: `ticker`, `matches` and `heartbeat` of products like BTC-USD; and
the candles of a product over HTTP.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from simulator.fixed import render
from simulator.http import HttpAnswer, HttpRequest
from simulator.listing import Listing
from simulator.protocol import (
    ClientLine,
    PlainDialect,
    ProviderDialect,
    ProviderProtocol,
    SourceEndpoint,
)
from simulator.providers.spelling import dashed, find
from simulator.providers.text import encode, iso, number, plain, read_trade
from simulator.simulated_trade import SimulatedTrade
from simulator.stream_message import StreamMessage, framed
from simulator.stream_name import symbol_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

CHANNELS = ("ticker", "matches", "heartbeat")
# Seconds until a connection without subscriptions is closed.
SILENT_FOR = 5
CANDLES = re.compile("/products/([A-Z0-9-]+)/candles")
GRANULARITIES = {"60": "1m", "300": "5m", "900": "15m", "3600": "1h", "21600": "6h", "86400": "1d"}
MOST_CANDLES = 300


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection; one path serves all."""
    if request.path != "/":
        return HttpAnswer(404, b"", content_type="text/plain")
    return lambda line: SimulatedCoinbase(server, line)


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Return the candles of a product, newest first, the low before the high."""
    path, asked = CANDLES.fullmatch(request.path), dict(request.parameters)
    listing = find(server.source, dashed, path[1]) if path else None
    if listing is None:
        return _not_served("NotFound", 404)
    interval = GRANULARITIES.get(asked.get("granularity", "60"))
    if interval is None:
        return _not_served("Unsupported granularity", 400)
    try:
        first = _milliseconds(asked["start"]) if "start" in asked else 0
        last = _milliseconds(asked["end"]) if "end" in asked else server.source.now()
    except ValueError:
        return _not_served("start and end must be valid ISO8601 datetimes", 400)
    bars = [bar for bar in listing.bars(interval) if first <= bar.time <= last]
    if len(bars) > MOST_CANDLES and first:
        return _not_served("granularity too small for the requested time range", 400)
    rows = [
        (
            bar.time // 1000,
            *map(number, (bar.low, bar.high, bar.open, bar.close, bar.volume)),
        )
        for bar in reversed(bars[-MOST_CANDLES:])
    ]
    return HttpAnswer(200, encode(rows))


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def _not_served(message: str, status: int) -> HttpAnswer:
    return HttpAnswer(status, encode({"message": message}))


class SimulatedCoinbase(PlainDialect):
    """The dialect of one connection; `sequence` numbers the messages of each product."""

    def __init__(self, server: "ProviderServer", line: ClientLine) -> None:
        super().__init__(server, line)
        self._wanted: dict[str, dict[str, Listing]] = {}
        self._sequence: dict[str, int] = {}
        self._seconds = 0

    # The client's commands

    def received(self, text: bytes) -> None:
        """Subscribe or unsubscribe; answer with all subscriptions."""
        try:
            command = msgspec.json.decode(text)
            kind, asked = command["type"], list(_channels(command))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._refuse("Malformed JSON")
            return
        if kind not in ("subscribe", "unsubscribe"):
            self._refuse("Type must be subscribe or unsubscribe")
            return
        for channel, product in asked:
            if channel not in CHANNELS:
                self._refuse("Failed to subscribe", f"{channel} is not a valid channel")
                return
            if find(self.server.source, dashed, product) is None:
                self._refuse("Failed to subscribe", f"{product} is not a valid product")
                return
        for channel, product in asked:
            self._follow(channel, product, begins=kind == "subscribe")
        self._send_subscriptions()
        if kind == "subscribe":
            for channel, product in asked:
                self._send_snapshot(channel, product)

    def _follow(self, channel: str, product: str, *, begins: bool) -> None:
        listing = find(self.server.source, dashed, product)
        products = self._wanted.setdefault(channel, {})
        if begins and listing is not None:
            products[product] = listing
        else:
            products.pop(product, None)
        trades = {
            f"{pair.stream}@trade"
            for name in ("ticker", "matches")
            for pair in self._wanted.get(name, {}).values()
        }
        self.line.unsubscribe([name for name in self.line.subscriptions if name not in trades])
        self.line.subscribe(sorted(trades.difference(self.line.subscriptions)))

    def _send_subscriptions(self) -> None:
        channels = [
            {"name": channel, "product_ids": list(products)}
            for channel, products in self._wanted.items()
            if products
        ]
        self.line.send_text(msgspec.json.encode({"type": "subscriptions", "channels": channels}))

    def _send_snapshot(self, channel: str, product: str) -> None:
        listing = self._wanted[channel][product]
        if listing.last is None:
            return
        if channel == "ticker":
            self.line.send_text(self._ticker(product, listing, listing.last))
        elif channel == "matches":
            self.line.send_text(self._match("last_match", product, listing.last))

    def _refuse(self, message: str, reason: str = "") -> None:
        fields = {"type": "error", "message": message}
        self.line.send_text(msgspec.json.encode({**fields, "reason": reason} if reason else fields))

    # Messages to the client

    def second(self) -> None:
        """Send heartbeats; close a connection without subscriptions."""
        self._seconds += 1
        for product, listing in self._wanted.get("heartbeat", {}).items():
            heartbeat = {
                "type": "heartbeat",
                "sequence": self._next(product),
                "last_trade_id": listing.last.id if listing.last else 0,
                "product_id": product,
                "time": iso(self.server.now()),
            }
            self.line.send_text(msgspec.json.encode(heartbeat))
        if not any(self._wanted.values()) and self._seconds >= SILENT_FOR:
            self.line.close(1008, "Failed to subscribe in time")

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return the ticker and the match of a trade."""
        listing = self.server.source.listings[symbol_of(message.stream)]
        product = dashed(listing)
        if product is None:
            return
        trade = read_trade(message.payload)
        if product in self._wanted.get("ticker", {}):
            yield framed(self._ticker(product, listing, trade))
        if product in self._wanted.get("matches", {}):
            yield framed(self._match("match", product, trade))

    def _ticker(self, product: str, listing: Listing, trade: SimulatedTrade) -> bytes:
        fields: dict[str, Any] = {
            "type": "ticker",
            "sequence": self._next(product),
            "product_id": product,
            "price": plain(trade.price),
        }
        if day := listing.day(self.server.source.now()):
            bar = day.bar
            fields |= {
                "open_24h": plain(bar.open), "volume_24h": plain(bar.volume),
                "low_24h": plain(bar.low), "high_24h": plain(bar.high),
                "volume_30d": plain(bar.volume * 30),
            }  # fmt: skip
        if top := listing.top:
            fields |= {
                "best_bid": plain(top.bid), "best_bid_size": render(top.bid_quantity),
                "best_ask": plain(top.ask), "best_ask_size": render(top.ask_quantity),
            }  # fmt: skip
        return msgspec.json.encode({
            **fields, "side": _side(trade), "time": self._time(trade), "trade_id": trade.id,
            "last_size": plain(trade.quantity),
        })  # fmt: skip

    def _match(self, kind: str, product: str, trade: SimulatedTrade) -> bytes:
        return msgspec.json.encode({
            "type": kind, "trade_id": trade.id, "maker_order_id": f"{trade.id:032x}",
            "taker_order_id": f"{trade.id + 1:032x}", "side": "sell" if _side(trade) == "buy"
            else "buy", "size": plain(trade.quantity), "price": plain(trade.price),
            "product_id": product, "sequence": self._next(product), "time": self._time(trade),
        })  # fmt: skip

    def _time(self, trade: SimulatedTrade) -> str:
        return iso(trade.time + self.server.ahead())

    def _next(self, product: str) -> int:
        # The product's own numbers: those of a later connection are larger.
        self._sequence[product] = self._sequence.get(product, self.server.source.now()) + 1
        return self._sequence[product]


def _channels(command: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Return the pairs of channel and product of a command; a channel may have its own list."""
    common = command.get("product_ids", [])
    for channel in command["channels"]:
        if isinstance(channel, str):
            yield from ((channel, str(product)) for product in common)
        else:
            for product in channel.get("product_ids", common):
                yield str(channel["name"]), str(product)


def _side(trade: SimulatedTrade) -> str:
    # The taker's side.
    return "sell" if trade.buyer_is_maker else "buy"


VENUE = ProviderProtocol(
    open_socket=open_socket,
    answer=answer,
    endpoints={"coinbase": SourceEndpoint("coinbase", time_keys=("time",))},
)
