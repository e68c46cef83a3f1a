"""Massive's WebSocket (Polygon until 2025): the clusters stocks, crypto and forex.

https://massive.com/docs/websocket

A key that begins with `bad` is wrong, any other is right. Tricks: `newer` ends the newer instead of
the older connection of a key, `slow_consumer` says so to everybody and cuts. Its length has a
reason: login, channels and messages are one conversation of three clusters.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from websockets.frames import CloseCode

from omcrm.exchange.candle import Candle
from omcrm.exchange.fixed import ONE
from omcrm.exchange.http import Answer, Request
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message, framed
from omcrm.exchange.stream import symbol_of
from omcrm.exchange.trade import Top, Trade
from omcrm.exchange.venue import Dialect, Line, PlainDialect
from omcrm.exchange.venues.spelling import dashed, is_currency, is_stock
from omcrm.exchange.venues.text import encode, number, plain, read_top, read_trade

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

ALL = "*"
SECOND = 1000
# Trades of fewer shares have a condition, the others have none at all.
ROUND_LOT = 100 * ONE
ODD_LOT = 37


class Cluster(Struct, frozen=True):
    """One asset class: how it spells a listing (dashes in pairs), and its channels.

    `trades` and `quotes` are the channels of single events, `bars` those of candles with the
    interval of each.
    """

    spell: Callable[[Listing], str | None]
    trades: str | None
    quotes: str
    bars: Mapping[str, str] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel there is."""
        return tuple(channel for channel in (self.trades, self.quotes, *self.bars) if channel)


def _ticker(listing: Listing) -> str | None:
    return listing.symbol if is_stock(listing) else None


def _currencies(listing: Listing) -> str | None:
    return f"{listing.base}-{listing.quote}" if is_currency(listing) else None


CLUSTERS: Mapping[str, Cluster] = {
    "/stocks": Cluster(_ticker, "T", "Q", {"A": "1s", "AM": "1m"}),
    "/crypto": Cluster(dashed, "XT", "XQ"),
    "/forex": Cluster(_currencies, None, "C"),
}


def speak(exchange: "Exchange", request: Request) -> "Callable[[Line], Dialect] | Answer":
    """Speak on a new connection; each cluster has its path."""
    if request.path not in CLUSTERS:
        return Answer(404, b"", content_type="text/plain")
    return lambda line: Massive(exchange, line, request.path)


class Massive(PlainDialect):
    """The dialect of one connection: who it is, and the channels it holds."""

    def __init__(self, exchange: "Exchange", line: Line, path: str) -> None:
        super().__init__(exchange, line)
        self._path = path
        self._cluster = CLUSTERS[path]
        self._key: str | None = None
        self._counts = False
        self._held: dict[str, None] = {}
        self._answers = 0
        self._sequence: Counter[str] = Counter()
        self._told_tops: dict[str, int] = {}
        self._bars_since: dict[str, int] = {}

    # The client's commands

    def opened(self) -> None:
        """Greet."""
        self._say_status("connected", "Connected Successfully")

    def heard(self, text: bytes) -> None:
        """Let the client in, and follow what it asks for."""
        try:
            command = msgspec.json.decode(text)
            action, params = command["action"], command["params"]
        except (msgspec.MsgspecError, LookupError, TypeError, RecursionError, UnicodeDecodeError):
            action = params = None
        if not isinstance(params, str):
            self._say_status("error", "invalid message")
        elif action == "auth":
            self._let_in(params)
        elif self._key is None:
            self._say_status("error", "not authorized")
        elif action == "subscribe":
            self._subscribe(params.split(","))
        elif action == "unsubscribe":
            self._unsubscribe(params.split(","))
        else:
            self._say_status("error", "unknown action")

    def _let_in(self, key: str) -> None:
        if not key or key.startswith("bad"):
            self._end("auth_failed", "authentication failed")
            return
        self._key = key
        self._say_status("auth_success", "authenticated")

    def _subscribe(self, asked: list[str]) -> None:
        answers = []
        for name in asked:
            channel, _, ticker = name.partition(".")
            if channel not in self._cluster.channels or not ticker:
                answers.append(_status("error", f"not authorized: {name}"))
            elif (held := _normal(name)) not in self._held:
                # A channel that is held already is passed over in silence, and a ticker that
                # nobody trades is acknowledged like any other.
                self._held[held] = None
                answers.append(_status("success", f"subscribed to: {name}"))
        self._follow()
        self._answer(answers)
        self._counts = True
        self._keep_to_one()

    def _unsubscribe(self, asked: list[str]) -> None:
        gone = [name for name in asked if _normal(name) in self._held]
        for name in gone:
            self._held.pop(_normal(name), None)
        self._follow()
        self._answer([_status("success", f"unsubscribed to: {name}") for name in gone])

    def _answer(self, statuses: list[dict[str, str]]) -> None:
        # By turns in one frame and in one for each: the real one does both.
        self._answers += bool(statuses)
        together = self._answers % 2 == 1 and statuses
        for frame in [statuses] if together else [[status] for status in statuses]:
            self.line.say(encode(frame))

    def _follow(self) -> None:
        kinds = {self._cluster.trades: "trade", self._cluster.quotes: "bookTicker"}
        wanted = [
            f"{listing.stream}@{kind}"
            for listing in self.exchange.source.listings.values()
            for channel, kind in kinds.items()
            if self._holds(channel, listing)
        ]
        self.line.unsubscribe(
            [subscription for subscription in self.line.subscriptions if subscription not in wanted]
        )
        self.line.subscribe(wanted)

    def _holds(self, channel: str | None, listing: Listing) -> bool:
        ticker = self._cluster.spell(listing)
        if channel is None or ticker is None:
            return False
        return f"{channel}.{ALL}" in self._held or f"{channel}.{ticker}" in self._held

    # One connection for each key and cluster

    def _keep_to_one(self) -> None:
        rivals = sorted(self._rivals(), key=lambda rival: rival.line.number)
        if len(rivals) > 1:
            end = rivals[-1] if "newer" in self.exchange.faults.tricks else rivals[0]
            end._end("max_connections", "Maximum number of websocket connections exceeded.")

    def _rivals(self) -> "list[Massive]":
        """The connections of this key and cluster that have subscribed, this one among them."""
        spoken = [session.dialect for session in self.exchange.sessions.values()]
        ours = [dialect for dialect in spoken if isinstance(dialect, Massive) and dialect._counts]
        return [our for our in ours if (our._path, our._key) == (self._path, self._key)]

    def _end(self, status: str, words: str) -> None:
        self._say_status(status, words)
        self._forget()
        self.line.close(CloseCode.POLICY_VIOLATION, words)

    def _forget(self) -> None:
        self._key, self._counts = None, False
        self._held.clear()
        self._follow()

    def _say_status(self, status: str, words: str) -> None:
        self.line.say(encode([_status(status, words)]))

    def status(self) -> dict[str, Any]:
        """The cluster and the channels held; the key is nobody's business."""
        return {"cluster": self._path, "channels": list(self._held)}

    # What the client is told

    def second(self) -> None:
        """Tell the bars that are complete, all in one frame; play the trick of the slow reader."""
        if self._key is not None and "slow_consumer" in self.exchange.faults.tricks:
            self._say_status("slow_consumer", "Slow consumer: disconnecting")
            self._forget()
            self.line.drop(reset=False)
        elif bars := [bar for channel in self._cluster.bars for bar in self._bars(channel)]:
            self.line.say(encode(bars))

    def told(self, message: Message) -> Iterable[bytes]:
        """A trade, and in its frame the quote it left behind; or a quote that is new."""
        listing = self.exchange.source.listings[symbol_of(message.stream)]
        ticker, events = self._cluster.spell(listing) or "", []
        if message.stream.endswith("@trade"):
            events.append(self._trade(ticker, read_trade(message.payload)))
            top = listing.top if self._holds(self._cluster.quotes, listing) else None
        else:
            top = read_top(message.payload)
        if top is not None and top.update_id != self._told_tops.get(ticker):
            self._told_tops[ticker] = top.update_id
            events.append(self._quote(ticker, top))
        if events:
            yield framed(encode(events))

    def _trade(self, ticker: str, trade: Trade) -> dict[str, Any]:
        told = {"i": str(trade.id), "p": number(trade.price), "t": trade.time}
        if self._cluster.trades == "XT":
            side = 1 if trade.buyer_is_maker else 2
            return {"ev": "XT", "pair": ticker, "x": 1, **told, "s": number(trade.quantity),
                    "c": [side], "r": self.exchange.source.now()}  # fmt: skip
        shares = plain(trade.quantity)
        odd = {"c": [ODD_LOT]} if trade.quantity < ROUND_LOT else {}
        return {"ev": "T", "sym": ticker, "x": 4, **told, "s": int(shares.partition(".")[0]),
                "ds": shares, **odd, "q": self._next(ticker), "z": 3}  # fmt: skip

    def _quote(self, ticker: str, top: Top) -> dict[str, Any]:
        bid, ask, now = number(top.bid), number(top.ask), self.exchange.source.now()
        if self._cluster.quotes == "C":
            return {"ev": "C", "p": ticker.replace("-", "/"), "x": 48, "a": ask, "b": bid, "t": now}
        told = {"bp": bid, "bs": number(top.bid_quantity),
                "ap": ask, "as": number(top.ask_quantity), "t": now}  # fmt: skip
        if self._cluster.quotes == "XQ":
            return {"ev": "XQ", "pair": ticker, "x": 1, **told, "r": now}
        return {"ev": "Q", "sym": ticker, "bx": 4, "ax": 7, **told, "c": 0,
                "q": self._next(ticker), "z": 3}  # fmt: skip

    def _bars(self, channel: str) -> Iterable[dict[str, Any]]:
        """The bars that have ended since the last question; none where nobody traded."""
        interval = self._cluster.bars[channel]
        length = SECOND if interval == "1s" else 60 * SECOND
        end = self.exchange.source.now() // length * length
        since = self._bars_since.setdefault(channel, end)
        self._bars_since[channel] = end
        board = self.exchange.switchboard
        silent = board.muted | board.delisted
        if since == end or board.mute_all:
            return
        for listing in self.exchange.source.listings.values():
            if listing.symbol not in silent and self._holds(channel, listing):
                for candle in listing.candles(interval, since):
                    if candle.time < end and candle.count:
                        yield self._bar(channel, listing, candle, candle.time + length)

    def _bar(self, channel: str, listing: Listing, candle: Candle, end: int) -> dict[str, Any]:
        told: dict[str, Any] = {"ev": channel, "sym": self._cluster.spell(listing),
                                **_volumes("v", candle.volume)}  # fmt: skip
        if day := listing.day(self.exchange.source.now()):
            # The rolling day stands for the trading day, which the model does not have.
            told |= {**_volumes("av", day.candle.volume), "op": number(day.candle.open),
                     "a": _average(day.candle)}  # fmt: skip
        return told | {
            "vw": _average(candle), "o": number(candle.open), "c": number(candle.close),
            "h": number(candle.high), "l": number(candle.low),
            "z": candle.volume // candle.count // ONE, "s": candle.time, "e": end,
        }  # fmt: skip

    def _next(self, ticker: str) -> int:
        self._sequence[ticker] += 1
        return self._sequence[ticker]


def _status(status: str, words: str) -> dict[str, str]:
    return {"ev": "status", "status": status, "message": words}


def _normal(name: str) -> str:
    """A channel with the pair's dash, which may be asked for with a slash."""
    return name.replace("/", "-")


def _volumes(name: str, volume: int) -> dict[str, Any]:
    shares = plain(volume)
    return {name: int(shares.partition(".")[0]), f"d{name}": shares}


def _average(candle: Candle) -> Any:
    return number(candle.quote // candle.volume if candle.volume else candle.close)
