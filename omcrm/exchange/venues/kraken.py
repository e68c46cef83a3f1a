"""Kraken v2's WebSocket: `ticker` and `trade` of pairs like BTC/USD.

https://docs.kraken.com/api/docs/websocket-v2/ticker

The wording of refusals other than that of an unknown pair is ours. Tricks: `ahead` sets its clock
`amount` seconds ahead.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message, framed
from omcrm.exchange.stream import symbol_of
from omcrm.exchange.trade import Top, Trade
from omcrm.exchange.venue import Dialect, Line, PlainDialect
from omcrm.exchange.venues.spelling import find, slashed
from omcrm.exchange.venues.text import encode, iso, number, read_top, read_trade

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

PATH = "/v2"
TRIGGERS = ("bbo", "trades")
# So many trades are in a snapshot.
RECENT = 50
# Who has subscribed to nothing for so many seconds is sent away.
SILENT_FOR = 60
HEARTBEAT = b'{"channel":"heartbeat"}'


class Wish(Struct):
    """What a command is about; each channel has a default of its own for `snapshot`."""

    channel: str
    symbol: list[str]
    event_trigger: str = "trades"
    snapshot: bool | None = None


class Command(Struct):
    """What a client may say."""

    method: str
    params: Wish | None = None
    req_id: int | None = None


_command = msgspec.json.Decoder(Command).decode


def speak(exchange: "Exchange", request: Request) -> "Callable[[Line], Dialect] | Answer":
    """Speak on a new connection; one path serves all."""
    if request.path != PATH:
        return Answer(404, b"", content_type="text/plain")
    return lambda line: Kraken(exchange, line)


class Kraken(PlainDialect):
    """The dialect of one connection."""

    def __init__(self, exchange: "Exchange", line: Line) -> None:
        super().__init__(exchange, line)
        # The trigger of each pair's ticker.
        self._tickers: dict[str, str] = {}
        self._trades: set[str] = set()
        self._silent_for = 0

    def opened(self) -> None:
        """Say that the exchange trades."""
        status = {
            "version": "2.0.10", "system": "online", "api_version": "v2",
            "connection_id": self.line.number,
        }  # fmt: skip
        self.line.say(encode({"channel": "status", "type": "update", "data": [status]}))

    # The client's commands

    def heard(self, text: bytes) -> None:
        """Answer a ping, or a command once for each of its pairs."""
        time_in = self._now()
        try:
            command = _command(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._answer({"error": "Malformed request", "success": False}, None, time_in)
            return
        if command.method == "ping":
            self._answer({"method": "pong"}, command, time_in)
        elif wrong := _wrong(command):
            told = {"error": wrong, "method": command.method, "success": False}
            self._answer(told, command, time_in)
        elif command.params is not None:
            for pair in command.params.symbol:
                self._obey(command, command.params, pair, time_in)

    def _obey(self, command: Command, wish: Wish, pair: str, time_in: int) -> None:
        told: dict[str, Any] = {"method": command.method}
        listing = find(self.exchange.source, slashed, pair)
        if listing is None:
            refusal = f"Currency pair not supported {pair}"
        else:
            refusal = self._follow(wish, pair, begins=command.method == "subscribe")
        if refusal:
            told |= {"error": refusal, "success": False, "symbol": pair}
        else:
            told |= {"result": _result(command.method, wish, pair), "success": True}
        self._answer(told, command, time_in)
        if listing is None or refusal:
            return
        self._receive(pair, listing)
        if command.method == "subscribe" and _wants_snapshot(wish):
            self._begin(wish.channel, pair, listing)

    def _follow(self, wish: Wish, pair: str, *, begins: bool) -> str:
        """Note what is wanted; gives the refusal where it is already so."""
        is_followed = pair in (self._tickers if wish.channel == "ticker" else self._trades)
        if begins and is_followed:
            return "Already subscribed"
        if not begins and not is_followed:
            return "Subscription Not Found"
        if wish.channel == "trade":
            (self._trades.add if begins else self._trades.remove)(pair)
        elif begins:
            self._tickers[pair] = wish.event_trigger
        else:
            del self._tickers[pair]
        return ""

    def _receive(self, pair: str, listing: Listing) -> None:
        """Receive of a pair what its channels need, and nothing else."""
        wanted = set()
        if pair in self._trades or self._tickers.get(pair) == "trades":
            wanted.add(f"{listing.stream}@trade")
        if self._tickers.get(pair) == "bbo":
            wanted.add(f"{listing.stream}@bookTicker")
        both = {f"{listing.stream}@trade", f"{listing.stream}@bookTicker"}
        held = both.intersection(self.line.subscriptions)
        self.line.unsubscribe(sorted(held - wanted))
        self.line.subscribe(sorted(wanted - held))

    def _begin(self, channel: str, pair: str, listing: Listing) -> None:
        if channel == "trade":
            self.line.say(self._trade_frame("snapshot", pair, list(listing.trades)[-RECENT:]))
        elif ticker := self._ticker("snapshot", pair, listing, listing.top, listing.last):
            self.line.say(ticker)

    def _answer(self, told: dict[str, Any], command: Command | None, time_in: int) -> None:
        if command is not None and command.req_id is not None:
            told["req_id"] = command.req_id
        self.line.say(encode({**told, "time_in": iso(time_in), "time_out": iso(self._now())}))

    # What the client is told

    def second(self) -> None:
        """A heartbeat, or the end of who asks for nothing."""
        if self._tickers or self._trades:
            self._silent_for = 0
            self.line.say(HEARTBEAT)
            return
        self._silent_for += 1
        if self._silent_for >= SILENT_FOR:
            self.line.close(1000, "")

    def told(self, message: Message) -> Iterable[bytes]:
        """A new best bid or ask is a ticker; a trade is a trade, and a ticker where asked for."""
        listing = self.exchange.source.listings[symbol_of(message.stream)]
        pair = slashed(listing)
        if pair is None:
            return
        trigger, top, last = "bbo", listing.top, listing.last
        if message.stream.endswith("@bookTicker"):
            top = read_top(message.payload)
        else:
            trigger, last = "trades", read_trade(message.payload)
            if pair in self._trades:
                yield framed(self._trade_frame("update", pair, [last]))
        if self._tickers.get(pair) == trigger and (
            ticker := self._ticker("update", pair, listing, top, last)
        ):
            yield framed(ticker)

    def _ticker(
        self, kind: str, pair: str, listing: Listing, top: Top | None, last: Trade | None
    ) -> bytes | None:
        """The message; None while one of its prices is unknown, which a tape may begin with."""
        day = listing.day(self.exchange.source.now())
        if day is None or top is None or last is None:
            return None
        candle = day.candle
        change = last.price - candle.open
        average = candle.quote // candle.volume if candle.volume else 0
        ticker = {
            "symbol": pair, "bid": number(top.bid), "bid_qty": number(top.bid_quantity),
            "ask": number(top.ask), "ask_qty": number(top.ask_quantity),
            "last": number(last.price), "volume": number(candle.volume), "vwap": number(average),
            "low": number(candle.low), "high": number(candle.high), "change": number(change),
            "change_pct": _percent(change, candle.open), "timestamp": iso(self._now()),
        }  # fmt: skip
        return encode({"channel": "ticker", "type": kind, "data": [ticker]})

    def _trade_frame(self, kind: str, pair: str, trades: list[Trade]) -> bytes:
        told = [
            {
                "symbol": pair, "side": "sell" if trade.buyer_is_maker else "buy",
                "price": number(trade.price), "qty": number(trade.quantity), "ord_type": "market",
                "trade_id": trade.id, "timestamp": iso(trade.time + self._ahead()),
            }
            for trade in trades
        ]  # fmt: skip
        return encode({"channel": "trade", "type": kind, "data": told})

    def _now(self) -> int:
        return self.exchange.source.now() + self._ahead()

    def _ahead(self) -> int:
        return int(self.exchange.faults.tricks.get("ahead", 0) * 1000)


def _wrong(command: Command) -> str:
    """What is wrong with a command whatever its pairs are; empty for nothing."""
    if command.method not in ("subscribe", "unsubscribe"):
        return "Method not supported"
    if command.params is None:
        return "Params missing"
    if command.params.channel not in ("ticker", "trade"):
        return f"Channel not supported {command.params.channel}"
    if command.params.event_trigger not in TRIGGERS:
        return "Event trigger must be bbo or trades"
    return ""


def _wants_snapshot(wish: Wish) -> bool:
    return wish.channel == "ticker" if wish.snapshot is None else wish.snapshot


def _result(method: str, wish: Wish, pair: str) -> dict[str, Any]:
    told: dict[str, Any] = {"channel": wish.channel, "symbol": pair}
    if wish.channel == "ticker":
        told["event_trigger"] = wish.event_trigger
    if method == "subscribe":
        told["snapshot"] = _wants_snapshot(wish)
    return told


def _percent(change: int, opened: int) -> Decimal:
    return round(Decimal(change * 100) / opened, 2) if opened else Decimal(0)
