"""Massive's WebSocket (Polygon until 2025): the clusters stocks, crypto and forex.

https://massive.com/docs/websocket

Every key is accepted unless it begins with `bad`. Tricks: `newer` ends the newer instead of the
older connection of a key, `slow_consumer` ends every connection with that status. The reason for
its length: login, channels and messages of three clusters are one conversation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from websockets.frames import CloseCode

from simulator.fixed import ONE
from simulator.http import HttpAnswer, HttpRequest
from simulator.listing import Listing
from simulator.protocol import (
    ClientLine,
    PlainDialect,
    ProviderDialect,
    ProviderProtocol,
    SourceEndpoint,
)
from simulator.providers.spelling import dashed, is_currency, is_stock
from simulator.providers.text import encode, number, plain, read_top, read_trade
from simulator.simulated_bar import SimulatedBar
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_message import StreamMessage, framed
from simulator.stream_name import symbol_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

ALL = "*"
SECOND = 1000
# Trades of fewer shares have a condition, the others have none at all.
ROUND_LOT = 100 * ONE
ODD_LOT = 37
# Massive's numbers of the conditions on tape C that forbid a trade to be the last price, and an
# unknown one.
CONDITIONS = {
    "C": 7, "H": 21, "I": ODD_LOT, "M": 15, "N": 20, "P": 22, "Q": 16, "R": 29, "T": 12, "U": 13,
    "V": 52, "W": 2, "Z": 32, "4": 10, "7": 53, "?": 999,
}  # fmt: skip


class Cluster(Struct, frozen=True):
    """One asset class: its name of a listing (dashes in pairs), and its channels.

    `trades` and `quotes` are the channels of single events, `bars` those of bars with the interval
    of each.
    """

    spell: Callable[[Listing], str | None]
    trades: str | None
    quotes: str
    bars: Mapping[str, str] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """Every channel of the cluster."""
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


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection; each cluster has its path."""
    if request.path not in CLUSTERS:
        return HttpAnswer(404, b"", content_type="text/plain")
    return lambda line: SimulatedMassive(server, line, request.path)


class SimulatedMassive(PlainDialect):
    """The dialect of one connection: its key, and the channels subscribed."""

    def __init__(self, server: "ProviderServer", line: ClientLine, path: str) -> None:
        super().__init__(server, line)
        self._path = path
        self._cluster = CLUSTERS[path]
        self._key: str | None = None
        self._counts = False
        self._channels: dict[str, None] = {}
        self._answers = 0
        self._sequence: Counter[str] = Counter()
        self._sent_tops: dict[str, int] = {}
        self._bars_since: dict[str, int] = {}

    # The client's commands

    def opened(self) -> None:
        """Send the greeting."""
        self._send_status("connected", "Connected Successfully")

    def received(self, text: bytes) -> None:
        """Log in, subscribe or unsubscribe."""
        try:
            command = msgspec.json.decode(text)
            action, params = command["action"], command["params"]
        except (msgspec.MsgspecError, LookupError, TypeError, RecursionError, UnicodeDecodeError):
            action = params = None
        if not isinstance(params, str):
            self._send_status("error", "invalid message")
        elif action == "auth":
            self._log_in(params)
        elif self._key is None:
            self._send_status("error", "not authorized")
        elif action == "subscribe":
            self._subscribe(params.split(","))
        elif action == "unsubscribe":
            self._unsubscribe(params.split(","))
        else:
            self._send_status("error", "unknown action")

    def _log_in(self, key: str) -> None:
        if not key or key.startswith("bad"):
            self._refuse_and_close("auth_failed", "authentication failed")
            return
        self._key = key
        self._send_status("auth_success", "authenticated")

    def _subscribe(self, asked: list[str]) -> None:
        answers = []
        for name in asked:
            channel, _, ticker = name.partition(".")
            if channel not in self._cluster.channels or not ticker:
                answers.append(_status("error", f"not authorized: {name}"))
            elif (channel_name := _normal(name)) not in self._channels:
                # A channel that is subscribed already is not answered, and a ticker that
                # does not exist is acknowledged like any other.
                self._channels[channel_name] = None
                answers.append(_status("success", f"subscribed to: {name}"))
        self._follow()
        self._answer(answers)
        self._counts = True
        self._end_rival()

    def _unsubscribe(self, asked: list[str]) -> None:
        removed = [name for name in asked if _normal(name) in self._channels]
        for name in removed:
            self._channels.pop(_normal(name), None)
        self._follow()
        self._answer([_status("success", f"unsubscribed to: {name}") for name in removed])

    def _answer(self, statuses: list[dict[str, str]]) -> None:
        # Alternately in one frame and in one for each: the real provider does both.
        self._answers += bool(statuses)
        together = self._answers % 2 == 1 and statuses
        for frame in [statuses] if together else [[status] for status in statuses]:
            self.line.send_text(encode(frame))

    def _follow(self) -> None:
        kinds = {self._cluster.trades: "trade", self._cluster.quotes: "bookTicker"}
        wanted = [
            f"{listing.stream}@{kind}"
            for listing in self.server.source.listings.values()
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
        return f"{channel}.{ALL}" in self._channels or f"{channel}.{ticker}" in self._channels

    # One connection for each key and cluster

    def _end_rival(self) -> None:
        rivals = sorted(self._rivals(), key=lambda rival: rival.line.number)
        if len(rivals) > 1:
            end = rivals[-1] if "newer" in self.server.faults.tricks else rivals[0]
            end._refuse_and_close(
                "max_connections", "Maximum number of websocket connections exceeded."
            )

    def _rivals(self) -> "list[SimulatedMassive]":
        """Return the subscribed connections of this key and cluster, this one included."""
        dialects = [client_socket.dialect for client_socket in self.server.client_sockets.values()]
        ours = [
            dialect
            for dialect in dialects
            if isinstance(dialect, SimulatedMassive) and dialect._counts
        ]
        return [our for our in ours if (our._path, our._key) == (self._path, self._key)]

    def _refuse_and_close(self, status: str, words: str) -> None:
        self._send_status(status, words)
        self._log_out()
        self.line.close(CloseCode.POLICY_VIOLATION, words)

    def _log_out(self) -> None:
        self._key, self._counts = None, False
        self._channels.clear()
        self._follow()

    def _send_status(self, status: str, words: str) -> None:
        self.line.send_text(encode([_status(status, words)]))

    def status(self) -> dict[str, Any]:
        """Return the cluster and the channels subscribed, without the key."""
        return {"cluster": self._path, "channels": list(self._channels)}

    # Messages to the client

    def second(self) -> None:
        """Send the completed bars in one frame; apply the trick `slow_consumer`."""
        if self._key is not None and "slow_consumer" in self.server.faults.tricks:
            self._send_status("slow_consumer", "Slow consumer: disconnecting")
            self._log_out()
            self.line.drop(reset=False)
        elif bars := [bar for channel in self._cluster.bars for bar in self._bars(channel)]:
            self.line.send_text(encode(bars))

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return a trade with the quote after it, or a new quote."""
        listing = self.server.source.listings[symbol_of(message.stream)]
        ticker, events = self._cluster.spell(listing) or "", []
        if message.stream.endswith("@trade"):
            if self.server.sends("trades"):
                events.append(self._trade(ticker, read_trade(message.payload)))
            top = listing.top if self._holds(self._cluster.quotes, listing) else None
        else:
            top = read_top(message.payload)
        if not self.server.sends("books"):
            top = None
        if top is not None and top.update_id != self._sent_tops.get(ticker):
            self._sent_tops[ticker] = top.update_id
            events.append(self._quote(ticker, top))
        if events:
            yield framed(encode(events))

    def _trade(self, ticker: str, trade: SimulatedTrade) -> dict[str, Any]:
        fields = {
            "i": str(trade.id),
            "p": number(trade.price),
            "t": trade.time + self.server.ahead(),
        }
        if self._cluster.trades == "XT":
            side = 1 if trade.buyer_is_maker else 2
            return {"ev": "XT", "pair": ticker, "x": 1, **fields, "s": number(trade.quantity),
                    "c": [side], "r": self.server.now()}  # fmt: skip
        shares = plain(trade.quantity)
        codes = {ODD_LOT} if trade.quantity < ROUND_LOT else set()
        codes |= {CONDITIONS[trade.condition]} if trade.condition else set()
        conditions = {"c": sorted(codes)} if codes else {}
        return {"ev": "T", "sym": ticker, "x": 4, **fields, "s": int(shares.partition(".")[0]),
                "ds": shares, **conditions, "q": self._next(ticker), "z": 3}  # fmt: skip

    def _quote(self, ticker: str, top: Top) -> dict[str, Any]:
        bid, ask, now = number(top.bid), number(top.ask), self.server.now()
        if self._cluster.quotes == "C":
            return {"ev": "C", "p": ticker.replace("-", "/"), "x": 48, "a": ask, "b": bid, "t": now}
        fields = {"bp": bid, "bs": number(top.bid_quantity),
                "ap": ask, "as": number(top.ask_quantity), "t": now}  # fmt: skip
        if self._cluster.quotes == "XQ":
            return {"ev": "XQ", "pair": ticker, "x": 1, **fields, "r": now}
        return {"ev": "Q", "sym": ticker, "bx": 4, "ax": 7, **fields, "c": 0,
                "q": self._next(ticker), "z": 3}  # fmt: skip

    def _bars(self, channel: str) -> Iterable[dict[str, Any]]:
        """Return the bars completed since the last call; none for symbols without trades."""
        interval = self._cluster.bars[channel]
        length = SECOND if interval == "1s" else 60 * SECOND
        end = self.server.source.now() // length * length
        since = self._bars_since.setdefault(channel, end)
        self._bars_since[channel] = end
        subscriptions = self.server.subscriptions
        if since == end or subscriptions.mute_all:
            return
        for listing in self.server.source.listings.values():
            if listing.symbol not in subscriptions.muted and self._holds(channel, listing):
                for bar in listing.bars(interval, since):
                    if bar.time < end and bar.count:
                        yield self._bar(channel, listing, bar, bar.time + length)

    def _bar(self, channel: str, listing: Listing, bar: SimulatedBar, end: int) -> dict[str, Any]:
        ahead = self.server.ahead()
        fields: dict[str, Any] = {"ev": channel, "sym": self._cluster.spell(listing),
                                **_volumes("v", bar.volume)}  # fmt: skip
        if day := listing.day(self.server.source.now()):
            # The rolling 24 hours replace the trading day, which the model does not have.
            fields |= {**_volumes("av", day.bar.volume), "op": number(day.bar.open),
                     "a": _average(day.bar)}  # fmt: skip
        return fields | {
            "vw": _average(bar), "o": number(bar.open), "c": number(bar.close),
            "h": number(bar.high), "l": number(bar.low),
            "z": bar.volume // bar.count // ONE, "s": bar.time + ahead, "e": end + ahead,
        }  # fmt: skip

    def _next(self, ticker: str) -> int:
        self._sequence[ticker] += 1
        return self._sequence[ticker]


def _status(status: str, words: str) -> dict[str, str]:
    return {"ev": "status", "status": status, "message": words}


def _normal(name: str) -> str:
    """Return a channel with the pair's dash, which may be requested with a slash."""
    return name.replace("/", "-")


def _volumes(name: str, volume: int) -> dict[str, Any]:
    shares = plain(volume)
    return {name: int(shares.partition(".")[0]), f"d{name}": shares}


def _average(bar: SimulatedBar) -> Any:
    return number(bar.quote // bar.volume if bar.volume else bar.close)


VENUE = ProviderProtocol(
    open_socket=open_socket,
    endpoints=dict.fromkeys(
        ("massive", "massive_forex"),
        SourceEndpoint("massive", login=b'"auth_success"', time_keys=("t", "s", "e", "trft")),
    ),
    conditions=tuple(CONDITIONS),
)
