"""Kraken v2's WebSocket: `ticker` and `trade` of pairs like BTC/USD and EUR/USD.

https://docs.kraken.com/api/docs/websocket-v2/ticker

Its books of currencies are thin and their trades rare; they are open round the clock. The texts of
refusals are ours, except that for an unknown pair. Trick: `wide` sets the bid and ask of currencies
`amount` percent apart.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, structs

from simulator.http import HttpAnswer, HttpRequest
from simulator.listing import Listing
from simulator.protocol import (
    ClientLine,
    PlainDialect,
    ProviderDialect,
    ProviderProtocol,
    SourceEndpoint,
)
from simulator.providers.spelling import find, is_currency, slashed
from simulator.providers.text import encode, iso, number, read_top, read_trade
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_message import StreamMessage, framed
from simulator.stream_name import symbol_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

PATH = "/v2"
TRIGGERS = ("bbo", "trades")
# The number of trades in a snapshot.
RECENT = 50
# Seconds until a connection without subscriptions is closed.
SILENT_FOR = 60
# A currency it has no market in.
NOT_TRADED = "NZD"
# The bid and ask of currencies are so many price steps worse than those of banks.
THIN = 25
# Of so many trades of currencies one is made here.
RARE = 50
HEARTBEAT = b'{"channel":"heartbeat"}'


class ChannelRequest(Struct):
    """The parameters of a command; `snapshot` has a default for each channel."""

    channel: str
    symbol: list[str]
    event_trigger: str = "trades"
    snapshot: bool | None = None


class KrakenCommand(Struct):
    """A command of the client."""

    method: str
    params: ChannelRequest | None = None
    req_id: int | None = None


_command = msgspec.json.Decoder(KrakenCommand).decode


def name_of(listing: Listing) -> str | None:
    """Return BTC/USD or EUR/USD; None for what it does not trade."""
    if is_currency(listing) and NOT_TRADED not in (listing.base, listing.quote):
        return f"{listing.base}/{listing.quote}"
    return slashed(listing)


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection; one path serves all."""
    if request.path != PATH:
        return HttpAnswer(404, b"", content_type="text/plain")
    return lambda line: SimulatedKraken(server, line)


class SimulatedKraken(PlainDialect):
    """The dialect of one connection."""

    def __init__(self, server: "ProviderServer", line: ClientLine) -> None:
        super().__init__(server, line)
        # The trigger of each pair's ticker.
        self._tickers: dict[str, str] = {}
        self._trades: set[str] = set()
        self._silent_for = 0

    def opened(self) -> None:
        """Send the status."""
        status = {
            "version": "2.0.10", "system": "online", "api_version": "v2",
            "connection_id": self.line.number,
        }  # fmt: skip
        self.line.send_text(encode({"channel": "status", "type": "update", "data": [status]}))

    # The client's commands

    def received(self, text: bytes) -> None:
        """Answer a ping, or a command once for each of its pairs."""
        time_in = self.server.now()
        try:
            command = _command(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._answer({"error": "Malformed request", "success": False}, None, time_in)
            return
        if command.method == "ping":
            self._answer({"method": "pong"}, command, time_in)
        elif wrong := _problem(command):
            fields = {"error": wrong, "method": command.method, "success": False}
            self._answer(fields, command, time_in)
        elif command.params is not None:
            for pair in command.params.symbol:
                self._execute(command, command.params, pair, time_in)

    def _execute(
        self, command: KrakenCommand, request: ChannelRequest, pair: str, time_in: int
    ) -> None:
        fields: dict[str, Any] = {"method": command.method}
        listing = find(self.server.source, name_of, pair)
        if listing is None:
            refusal = f"Currency pair not supported {pair}"
        else:
            refusal = self._follow(request, pair, begins=command.method == "subscribe")
        if refusal:
            fields |= {"error": refusal, "success": False, "symbol": pair}
        else:
            fields |= {"result": _result(command.method, request, pair), "success": True}
        self._answer(fields, command, time_in)
        if listing is None or refusal:
            return
        self._receive(pair, listing)
        if command.method == "subscribe" and _wants_snapshot(request):
            self._send_snapshot(request.channel, pair, listing)

    def _follow(self, request: ChannelRequest, pair: str, *, begins: bool) -> str:
        """Store the subscription; return the refusal where nothing would change."""
        is_followed = pair in (self._tickers if request.channel == "ticker" else self._trades)
        if begins and is_followed:
            return "Already subscribed"
        if not begins and not is_followed:
            return "Subscription Not Found"
        if request.channel == "trade":
            (self._trades.add if begins else self._trades.remove)(pair)
        elif begins:
            self._tickers[pair] = request.event_trigger
        else:
            del self._tickers[pair]
        return ""

    def _receive(self, pair: str, listing: Listing) -> None:
        """Subscribe to the streams that the pair's channels need."""
        wanted = set()
        if pair in self._trades or self._tickers.get(pair) == "trades":
            wanted.add(f"{listing.stream}@trade")
        if self._tickers.get(pair) == "bbo":
            wanted.add(f"{listing.stream}@bookTicker")
        both = {f"{listing.stream}@trade", f"{listing.stream}@bookTicker"}
        held = both.intersection(self.line.subscriptions)
        self.line.unsubscribe(sorted(held - wanted))
        self.line.subscribe(sorted(wanted - held))

    def _send_snapshot(self, channel: str, pair: str, listing: Listing) -> None:
        if channel == "trade":
            trades = [trade for trade in listing.trades if _is_here(trade, listing)]
            self.line.send_text(self._trade_frame("snapshot", pair, trades[-RECENT:]))
        elif ticker := self._ticker("snapshot", pair, listing, listing.top, listing.last):
            self.line.send_text(ticker)

    def _answer(self, fields: dict[str, Any], command: KrakenCommand | None, time_in: int) -> None:
        if command is not None and command.req_id is not None:
            fields["req_id"] = command.req_id
        self.line.send_text(
            encode({**fields, "time_in": iso(time_in), "time_out": iso(self.server.now())})
        )

    # Messages to the client

    def second(self) -> None:
        """Send a heartbeat, or close a connection without subscriptions."""
        if self._tickers or self._trades:
            self._silent_for = 0
            self.line.send_text(HEARTBEAT)
            return
        self._silent_for += 1
        if self._silent_for >= SILENT_FOR:
            self.line.close(1000, "")

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return the ticker of a new best bid or ask, or the trade and, if requested, its
        ticker."""
        listing = self.server.source.listings[symbol_of(message.stream)]
        pair = name_of(listing)
        if pair is None:
            return
        trigger, top, last = "bbo", listing.top, listing.last
        if message.stream.endswith("@bookTicker"):
            top = read_top(message.payload)
        else:
            trigger, last = "trades", read_trade(message.payload)
            if not _is_here(last, listing):
                return
            if pair in self._trades and self.server.sends("trades"):
                yield framed(self._trade_frame("update", pair, [last]))
        if not self.server.sends("books"):
            return
        if self._tickers.get(pair) == trigger and (
            ticker := self._ticker("update", pair, listing, top, last)
        ):
            yield framed(ticker)

    def _ticker(
        self, kind: str, pair: str, listing: Listing, top: Top | None, last: SimulatedTrade | None
    ) -> bytes | None:
        """Return the message; None while one of its prices is unknown, as at the beginning of a
        recording."""
        day = listing.day(self.server.source.now())
        if day is None or top is None or last is None:
            return None
        top, bar = self._top(top, listing), day.bar
        change = last.price - bar.open
        average = bar.quote // bar.volume if bar.volume else 0
        ticker = {
            "symbol": pair, "bid": number(top.bid), "bid_qty": number(top.bid_quantity),
            "ask": number(top.ask), "ask_qty": number(top.ask_quantity),
            "last": number(last.price), "volume": number(bar.volume), "vwap": number(average),
            "low": number(bar.low), "high": number(bar.high), "change": number(change),
            "change_pct": _percent(change, bar.open), "timestamp": iso(self.server.now()),
        }  # fmt: skip
        return encode({"channel": "ticker", "type": kind, "data": [ticker]})

    def _top(self, top: Top, listing: Listing) -> Top:
        """Return the best bid and ask of its own book."""
        if not is_currency(listing):
            return top
        room = THIN * listing.tick
        if percent := self.server.faults.tricks.get("wide"):
            room = int(top.bid * percent / 200)
        return structs.replace(top, bid=top.bid - room, ask=top.ask + room)

    def _trade_frame(self, kind: str, pair: str, trades: list[SimulatedTrade]) -> bytes:
        data = [
            {
                "symbol": pair, "side": "sell" if trade.buyer_is_maker else "buy",
                "price": number(trade.price), "qty": number(trade.quantity), "ord_type": "market",
                "trade_id": trade.id, "timestamp": iso(trade.time + self.server.ahead()),
            }
            for trade in trades
        ]  # fmt: skip
        return encode({"channel": "trade", "type": kind, "data": data})


def _problem(command: KrakenCommand) -> str:
    """Return what is wrong with a command whatever its pairs are; empty for nothing."""
    if command.method not in ("subscribe", "unsubscribe"):
        return "Method not supported"
    if command.params is None:
        return "Params missing"
    if command.params.channel not in ("ticker", "trade"):
        return f"Channel not supported {command.params.channel}"
    if command.params.event_trigger not in TRIGGERS:
        return "Event trigger must be bbo or trades"
    return ""


def _wants_snapshot(request: ChannelRequest) -> bool:
    return request.channel == "ticker" if request.snapshot is None else request.snapshot


def _result(method: str, request: ChannelRequest, pair: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"channel": request.channel, "symbol": pair}
    if request.channel == "ticker":
        fields["event_trigger"] = request.event_trigger
    if method == "subscribe":
        fields["snapshot"] = _wants_snapshot(request)
    return fields


def _is_here(trade: SimulatedTrade, listing: Listing) -> bool:
    return trade.id % RARE == 0 or not is_currency(listing)


def _percent(change: int, opened: int) -> Decimal:
    return round(Decimal(change * 100) / opened, 2) if opened else Decimal(0)


VENUE = ProviderProtocol(
    open_socket=open_socket,
    endpoints={"kraken": SourceEndpoint("kraken", time_keys=("timestamp", "time_in", "time_out"))},
)
