"""Alpaca's market data WebSocket: a login first, then trades, quotes and daily bars in arrays.

https://docs.alpaca.markets/docs/streaming-market-data

Every key is accepted unless its id or secret begins with `bad`; an id that begins with `free` may
not use `sip`. After a refused login the client may try again until the deadline. Other channels
than those three are acknowledged and stay silent. `delayed_sip` sends current data with times of a
quarter of an hour ago. Tricks: `slow` sends 407 and ends the connection, `mixed` sends all messages
of a second in one array.

The reason for its length: login, subscriptions and messages of several feeds are one conversation.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from simulator.fixed import ONE, parse
from simulator.http import HttpAnswer, HttpRequest
from simulator.listing import Listing
from simulator.protocol import (
    ClientLine,
    PlainDialect,
    ProviderDialect,
    ProviderProtocol,
    SourceEndpoint,
)
from simulator.providers.spelling import is_stock, slashed
from simulator.providers.text import encode, iso, number, read_top, read_trade
from simulator.simulated_trade import CANCEL, CORRECT, SimulatedTrade
from simulator.stream_message import StreamMessage, framed
from simulator.stream_name import symbol_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

# Seconds until a connection without a login is closed.
AUTH_WITHIN = 10
# The free plan's limit of symbols for trades and quotes.
SYMBOLS = 30
FAKEPACA = "FAKEPACA"
ALL = "*"
ROUND_LOT = 100
DELAY_MS = 15 * 60 * 1000
MINUTE_MS = 60 * 1000
# A replay at full speed brings any number of messages in a second.
MOST_TOGETHER = 1000

ERRORS: Mapping[int, str] = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
}

# Cancels and corrections, what a trade on tape C may have that forbids it to be the last price, and
# an unknown code.
CONDITIONS = (CANCEL, CORRECT, *"CHIMNPQRTUVWZ47?")
# The Binance stream of each channel with data.
STREAMS = {"trades": "trade", "quotes": "bookTicker", "dailyBars": "ticker"}


class AlpacaFeed(Struct, frozen=True):
    """One endpoint: its channels, its name of a listing, the pattern of its symbols.

    A subscription to trades of shares includes the `automatic` channels.
    """

    channels: tuple[str, ...]
    spell: Callable[[Listing], str | None]
    pattern: str = r"[A-Z0-9.]{1,12}"
    automatic: tuple[str, ...] = ()
    zone: tzinfo = ZoneInfo("America/New_York")


def _share(listing: Listing) -> str | None:
    return listing.symbol if is_stock(listing) else None


def _nothing(listing: Listing) -> None:
    return None


_STOCKS = AlpacaFeed(
    ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds"),
    _share,
    automatic=("corrections", "cancelErrors"),
)
FEEDS: Mapping[str, AlpacaFeed] = {
    "/v2/iex": _STOCKS,
    "/v2/sip": _STOCKS,
    "/v2/delayed_sip": _STOCKS,
    "/v2/test": AlpacaFeed(("trades", "quotes", "bars"), _nothing),
    "/v1beta3/crypto/us": AlpacaFeed(
        ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"),
        slashed,
        r"[A-Z0-9]{1,12}/[A-Z0-9]{1,12}",
        zone=UTC,
    ),
}


class TickerEvent(Struct, gc=False):
    """The fields of a 24hrTicker that are used."""

    E: int
    o: str
    h: str
    l: str  # noqa: E741 (Binance's name)
    c: str
    v: str
    w: str
    n: int


_ticker = msgspec.json.Decoder(TickerEvent).decode


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection to one of the feeds."""
    path = request.path
    if path not in FEEDS:
        return HttpAnswer(404, b"", content_type="text/plain")
    return lambda line: SimulatedAlpaca(server, line, path)


class SimulatedAlpaca(PlainDialect):
    """The dialect of one connection; `key` is the id of its login."""

    def __init__(self, server: "ProviderServer", line: ClientLine, path: str) -> None:
        super().__init__(server, line)
        self.path = path
        self.key: str | None = None
        self._feed = FEEDS[path]
        self._is_crypto = "/crypto/" in path
        self._wanted: dict[str, list[str]] = {name: [] for name in self._feed.channels}
        self._bar_minutes: dict[str, int] = {}
        self._held: list[dict[str, Any]] = []
        self._seconds = 0

    # The client's commands

    def opened(self) -> None:
        """Send the greeting."""
        self._succeed("connected")

    def received(self, text: bytes) -> None:
        """Log in; after that subscribe and unsubscribe."""
        command = _command(text)
        action = command.get("action")
        if action == "auth":
            self._log_in(command.get("key"), command.get("secret"))
        elif self.key is None:
            self._refuse(401)
        elif action in ("subscribe", "unsubscribe"):
            asked = {name: value for name, value in command.items() if name != "action"}
            self._change(asked, begins=action == "subscribe")
        else:
            self._refuse(400)

    def _log_in(self, key: Any, secret: Any) -> None:
        problem = self._problem(key, secret)
        if problem is not None:
            self._refuse(problem)
            return
        self.key = key
        self._succeed("authenticated")

    def _problem(self, key: Any, secret: Any) -> int | None:
        if self.key is not None:
            return 403
        if not isinstance(key, str) or not isinstance(secret, str):
            return 400
        if not key or not secret or key.startswith("bad") or secret.startswith("bad"):
            return 402
        if self.path == "/v2/sip" and key.startswith("free"):
            return 409
        return 406 if self._is_in_use(key) else None

    def _is_in_use(self, key: str) -> bool:
        dialects = (client_socket.dialect for client_socket in self.server.client_sockets.values())
        return any(
            isinstance(dialect, SimulatedAlpaca) and (key, self.path) == (dialect.key, dialect.path)
            for dialect in dialects
        )

    def _change(self, asked: dict[str, Any], *, begins: bool) -> None:
        if not all(self._is_list_of_symbols(value) for value in asked.values()):
            self._refuse(400)
            return
        if not asked.keys() <= self._wanted.keys():
            self._refuse(410)
            return
        wanted = {
            channel: _changed(names, asked.get(channel, []), begins=begins)
            for channel, names in self._wanted.items()
        }
        limited = {*wanted["trades"], *wanted["quotes"]}
        if begins and (len(limited) > SYMBOLS or ALL in limited):
            self._refuse(405)
            return
        self._wanted = wanted
        self._bar_minutes = {}
        self._follow()
        self._send_subscriptions()

    def _is_list_of_symbols(self, value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(symbol, str) and (symbol == ALL or re.fullmatch(self._feed.pattern, symbol))
            for symbol in value
        )

    def _follow(self) -> None:
        listed: dict[str, Listing] = {}
        for listing in self.server.source.listings.values():
            if (name := self._feed.spell(listing)) is not None:
                listed.setdefault(name, listing)
        streams = {
            f"{listing.stream}@{kind}"
            for channel, kind in STREAMS.items()
            for name, listing in listed.items()
            if {name, ALL} & set(self._wanted.get(channel, ()))
        }
        self.line.unsubscribe([name for name in self.line.subscriptions if name not in streams])
        self.line.subscribe(sorted(streams.difference(self.line.subscriptions)))

    # Messages to the client

    def _send_subscriptions(self) -> None:
        automatic = dict.fromkeys(self._feed.automatic, self._wanted["trades"])
        self._send([{"T": "subscription", **self._wanted, **automatic}])

    def _succeed(self, words: str) -> None:
        self._send([{"T": "success", "msg": words}])

    def _refuse(self, code: int) -> None:
        self._send([{"T": "error", "code": code, "msg": ERRORS[code]}])

    def _send(self, messages: list[dict[str, Any]]) -> None:
        self.line.send_text(encode(messages))

    def second(self) -> None:
        """Apply the login deadline and the trick `slow`, and send what is held and FAKEPACA."""
        self._seconds += 1
        if self.key is None:
            if self._seconds == AUTH_WITHIN:
                self._refuse(404)
                self.line.close(1008, "auth timeout")
            return
        if "slow" in self.server.faults.tricks:
            self._refuse(407)
            self.line.drop(reset=False)
            return
        if self.path == "/v2/test" and not self.server.subscriptions.mute_all:
            self._held += self._fakepaca()
        if self._held:
            self.line.send_text(self._take_held())

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return a trade, a quote, or once a minute a daily bar."""
        listing = self.server.source.listings[symbol_of(message.stream)]
        name = self._feed.spell(listing)
        event = None if name is None else self._translated(name, message)
        if event is None:
            return
        self._held.append(event)
        if "mixed" not in self.server.faults.tricks or len(self._held) >= MOST_TOGETHER:
            yield framed(self._take_held())

    def _take_held(self) -> bytes:
        held, self._held = self._held, []
        return encode(held)

    def _translated(self, name: str, message: StreamMessage) -> dict[str, Any] | None:
        match message.stream.partition("@")[2]:
            case "trade":
                sends = self.server.sends("trades")
                return self._trade(name, message.payload) if sends else None
            case "bookTicker":
                sends = self.server.sends("books")
                return self._quote(name, message.payload) if sends else None
        return self._bar(name, message.payload)

    def _trade(self, name: str, payload: bytes) -> dict[str, Any]:
        trade = read_trade(payload)
        stamp = self._stamp(trade.time, trade.id % 1_000_000)
        if self._is_crypto:
            return {
                "T": "t", "S": name, "p": number(trade.price), "s": number(trade.quantity),
                "t": stamp, "i": trade.id, "tks": "S" if trade.buyer_is_maker else "B",
            }  # fmt: skip
        if trade.condition in (CANCEL, CORRECT):
            return _taken_back(name, trade, stamp)
        shares = trade.quantity // ONE
        return _share_trade(name, trade.id, trade.price, shares, stamp, trade.condition)

    def _quote(self, name: str, payload: bytes) -> dict[str, Any]:
        top, stamp = read_top(payload), self._stamp(self.server.now() - self.server.ahead())
        if self._is_crypto:
            return {
                "T": "q", "S": name, "bp": number(top.bid), "bs": number(top.bid_quantity),
                "ap": number(top.ask), "as": number(top.ask_quantity), "t": stamp,
            }  # fmt: skip
        bid_lots, ask_lots = _lots(top.bid_quantity), _lots(top.ask_quantity)
        return _share_quote(name, (top.bid, bid_lots), (top.ask, ask_lots), stamp)

    def _bar(self, name: str, payload: bytes) -> dict[str, Any] | None:
        event = _ticker(payload)
        minute = event.E // MINUTE_MS
        if self._bar_minutes.get(name) == minute:
            return None
        self._bar_minutes[name] = minute
        volume = parse(event.v)
        return {
            "T": "d", "S": name, "o": number(parse(event.o)), "h": number(parse(event.h)),
            "l": number(parse(event.l)), "c": number(parse(event.c)),
            "v": number(volume) if self._is_crypto else volume // ONE, "n": event.n,
            "vw": number(parse(event.w)), "t": _short(_midnight(event.E, self._feed.zone)),
        }  # fmt: skip

    def _fakepaca(self) -> list[dict[str, Any]]:
        now = self.server.source.now()
        count, stamp = now // 1000, self._stamp(now)
        price = (13_250 + count * 7 % 21) * ONE // 100
        spread = 2 * ONE // 100
        events = []
        if FAKEPACA in self._wanted["trades"]:
            events.append(_share_trade(FAKEPACA, count, price, 1 + count % 200, stamp))
        if FAKEPACA in self._wanted["quotes"]:
            bid, ask = (price - spread, 1 + count % 4), (price + spread, 1 + count % 5)
            events.append(_share_quote(FAKEPACA, bid, ask, stamp))
        return events

    def _stamp(self, milliseconds: int, nanoseconds: int = 0) -> str:
        delay = DELAY_MS if self.path == "/v2/delayed_sip" else 0
        moment = iso(milliseconds + self.server.ahead() - delay, 3).removesuffix("Z")
        return _short(f"{moment}{nanoseconds:06d}Z")

    def status(self) -> dict[str, Any]:
        """Return the feed, and whether the client has logged in."""
        return {"feed": self.path, "authenticated": self.key is not None}


def _command(text: bytes) -> dict[str, Any]:
    """Return the client's command; empty where it is none."""
    try:
        command = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return command if isinstance(command, dict) else {}


def _changed(names: list[str], asked: list[str], *, begins: bool) -> list[str]:
    if begins:
        return list(dict.fromkeys([*names, *asked]))
    return [name for name in names if name not in asked]


def _share_trade(
    name: str, id_: int, price: int, shares: int, stamp: str, condition: str = ""
) -> dict[str, Any]:
    odd_lot = "" if shares >= ROUND_LOT else "I"
    conditions = list(dict.fromkeys(("@", *odd_lot, *condition)))
    return {
        "T": "t", "S": name, "i": id_, "x": "V", "p": number(price), "s": shares,
        "c": conditions, "z": "C", "t": stamp,
    }  # fmt: skip


def _taken_back(name: str, trade: SimulatedTrade, stamp: str) -> dict[str, Any]:
    """Return the cancel or the correction of a trade; a corrected one has a new id."""
    shares, place = trade.quantity // ONE, {"S": name, "x": "V", "z": "C", "t": stamp}
    if trade.condition == CANCEL:
        return {"T": "x", **place, "i": trade.id, "p": number(trade.wrong_price), "s": shares,
                "a": "C"}  # fmt: skip
    return {
        "T": "c", **place, "oi": trade.id, "op": number(trade.wrong_price), "os": shares,
        "oc": ["@"], "ci": trade.id + 1, "cp": number(trade.price), "cs": shares, "cc": ["@"],
    }  # fmt: skip


def _share_quote(
    name: str, bid: tuple[int, int], ask: tuple[int, int], stamp: str
) -> dict[str, Any]:
    return {
        "T": "q", "S": name, "bx": "V", "bp": number(bid[0]), "bs": bid[1], "ax": "V",
        "ap": number(ask[0]), "as": ask[1], "c": ["R"], "z": "C", "t": stamp,
    }  # fmt: skip


def _lots(quantity: int) -> int:
    # Less than a round lot is quoted as one: a size of zero would be no quote.
    return max(1, quantity // (ROUND_LOT * ONE))


def _midnight(milliseconds: int, zone: tzinfo) -> str:
    """Return the beginning of the day in `zone`, the time of a daily bar."""
    moment = datetime.fromtimestamp(milliseconds / 1000, zone)
    begun = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return iso(int(begun.timestamp()) * 1000)


def _short(stamp: str) -> str:
    """Remove the trailing zeros of a second's fraction, and a trailing dot, as Alpaca does."""
    return stamp.removesuffix("Z").rstrip("0").rstrip(".") + "Z"


VENUE = ProviderProtocol(
    open_socket=open_socket,
    endpoints={"alpaca": SourceEndpoint("alpaca", login=b'"authenticated"', time_keys=("t",))},
    conditions=CONDITIONS,
)
