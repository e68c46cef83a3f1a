"""Finnhub's WebSocket and `quote`: shares, coins and currencies for who has a token.

https://finnhub.io/docs/api/websocket-trades

A token is any that does not begin with `bad`. Tricks on the WebSocket: `ping_every`
pings each `amount` seconds and `no_ping` never, `updates` tells every price without a trade,
`unsorted` puts the newest trade of a frame first. Over HTTP: `zeros` knows no price, `forbidden`
gives no access. On both `ahead` is a clock that is `amount` seconds fast.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message, framed
from omcrm.exchange.stream import symbol_of
from omcrm.exchange.trade import Trade
from omcrm.exchange.venue import Dialect, Line, PlainDialect
from omcrm.exchange.venues.spelling import find, is_coin, is_stock
from omcrm.exchange.venues.text import encode, number, read_trade

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

SYMBOLS = 50
PING_EVERY = 60
# So long trades are gathered for one frame, in seconds, and so many at most.
GATHERED = 0.05
MOST_TRADES = 100

QUOTE, CANDLES = "/api/v1/quote", "/api/v1/stock/candle"
NOTHING = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}


def name_of(listing: Listing) -> str:
    """AAPL, BINANCE:BTCUSDT or OANDA:EUR_USD."""
    if is_stock(listing):
        return listing.base
    if is_coin(listing):
        return f"BINANCE:{listing.symbol}"
    return f"OANDA:{listing.base}_{listing.quote}"


# The WebSocket


def speak(exchange: "Exchange", request: Request) -> "Callable[[Line], Dialect] | Answer":
    """Speak on a new connection; one path serves all who have a token."""
    if request.path != "/":
        return Answer(404, b"", content_type="text/plain")
    token = dict(request.parameters).get("token", "")
    if not _is_valid(token):
        return _refusal(401, "Invalid API key")
    return lambda line: Finnhub(exchange, line, token)


class Finnhub(PlainDialect):
    """The dialect of one connection; nothing that the client says is acknowledged."""

    def __init__(self, exchange: "Exchange", line: Line, token: str) -> None:
        super().__init__(exchange, line)
        self.token = token
        self._wanted: dict[str, Listing | None] = {}
        self._trades: list[dict[str, Any]] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._quiet_for = 0

    def opened(self) -> None:
        """Drop all connections of this token if it is not the only one."""
        same = [
            session
            for session in self.exchange.sessions.values()
            if isinstance(session.dialect, Finnhub) and session.dialect.token == self.token
        ]
        if len(same) > 1:
            for session in same:
                session.drop(reset=False)

    def ended(self) -> None:
        """Gather no more."""
        if self._gathering:
            self._gathering.cancel()

    # The client's commands

    def heard(self, text: bytes) -> None:
        """Follow a symbol or leave it; what makes no sense is met with silence."""
        try:
            command = msgspec.json.decode(text)
            kind, name = command["type"], command["symbol"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return
        if isinstance(name, str) and kind == "subscribe":
            self._follow(name)
        elif isinstance(name, str) and kind == "unsubscribe":
            self._leave(name)

    def _follow(self, name: str) -> None:
        if name in self._wanted:
            return
        if len(self._wanted) >= SYMBOLS:
            self.line.say(encode({"type": "error", "msg": "Subscribing to too many symbols"}))
            return
        # An unknown one counts like any other.
        listing = self._wanted[name] = find(self.exchange.source, name_of, name)
        if listing is not None:
            self.line.subscribe([_stream(listing)])

    def _leave(self, name: str) -> None:
        listing = self._wanted.pop(name, None)
        if listing is not None:
            self.line.unsubscribe([_stream(listing)])

    # What the client is told

    def second(self) -> None:
        """Ping in JSON, about once a minute."""
        tricks = self.exchange.faults.tricks
        self._quiet_for += 1
        if self._quiet_for >= tricks.get("ping_every", PING_EVERY):
            self._quiet_for = 0
            if "no_ping" not in tricks:
                self.line.say(encode({"type": "ping"}))

    def told(self, message: Message) -> Iterable[bytes]:
        """Gather the trades of all symbols; a frame as soon as there are many."""
        listing = self.exchange.source.listings[symbol_of(message.stream)]
        self._trades.append(self._trade(listing, read_trade(message.payload)))
        if len(self._trades) >= MOST_TRADES:
            yield framed(self._take())
        elif self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(GATHERED, self._say_trades)

    def _say_trades(self) -> None:
        self.line.say(self._take())

    def _take(self) -> bytes:
        """The frame of the trades gathered, of which none is left."""
        trades, self._trades = self._trades, []
        if self._gathering:
            self._gathering.cancel()
            self._gathering = None
        if "unsorted" in self.exchange.faults.tricks:
            trades.reverse()
        return encode({"data": trades, "type": "trade"})

    def _trade(self, listing: Listing, trade: Trade) -> dict[str, Any]:
        tricks = self.exchange.faults.tricks
        is_update = "updates" in tricks or not (is_stock(listing) or is_coin(listing))
        return {
            **_conditions(listing, trade),
            "p": number(trade.price),
            "s": name_of(listing),
            "t": trade.time + _ahead(self.exchange),
            "v": 0 if is_update else number(trade.quantity),
        }


def _conditions(listing: Listing, trade: Trade) -> dict[str, list[str] | None]:
    """`c` as it comes: a list, nothing in it, null, or not there at all."""
    some = ["1", "12"] if is_stock(listing) else None
    forms: tuple[dict[str, list[str] | None], ...] = ({"c": some}, {"c": None}, {"c": []}, {})
    return forms[trade.id % len(forms)]


def _stream(listing: Listing) -> str:
    return f"{listing.stream}@trade"


# HTTP


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call; the token may be in the URL or in a header."""
    asked = dict(request.parameters)
    if not _is_valid(asked.get("token") or request.headers.get("x-finnhub-token", "")):
        return _refusal(401, "Invalid API key")
    if request.path == CANDLES or "forbidden" in exchange.faults.tricks:
        return _refusal(403, "You don't have access to this resource.")
    if request.path != QUOTE:
        return Answer(404, b"Not Found", content_type="text/plain")
    listing = find(exchange.source, name_of, asked.get("symbol", ""))
    if listing is None or "zeros" in exchange.faults.tricks:
        return Answer(200, encode(NOTHING))
    return Answer(200, encode(_quote(exchange, listing)))


def _quote(exchange: "Exchange", listing: Listing) -> dict[str, Any]:
    day = listing.day(exchange.source.now())
    if day is None:
        return NOTHING
    last, before = day.last.price, day.price_before
    return {
        "c": number(last),
        "d": number(last - before),
        "dp": round((last / before - 1) * 100, 4) if before else None,
        "h": number(day.candle.high),
        "l": number(day.candle.low),
        "o": number(day.candle.open),
        "pc": number(before),
        "t": (day.last.time + _ahead(exchange)) // 1000,
    }


# Both


def _is_valid(token: str) -> bool:
    return token != "" and not token.startswith("bad")


def _refusal(status: int, words: str) -> Answer:
    return Answer(status, encode({"error": words}))


def _ahead(exchange: "Exchange") -> int:
    return int(exchange.faults.tricks.get("ahead", 0) * 1000)
