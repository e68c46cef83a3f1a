"""Finnhub's WebSocket and `quote`: shares, coins and currencies, with a token.

https://finnhub.io/docs/api/websocket-trades

Every token is accepted unless it begins with `bad`. Tricks on the WebSocket: `ping_every` pings
each `amount` seconds and `no_ping` never, `updates` sends every price without a trade, `unsorted`
puts the newest trade of a frame first. Over HTTP: `zeros` returns no price, `forbidden` refuses.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from simulator.http import HttpAnswer, HttpRequest
from simulator.listing import Listing
from simulator.protocol import (
    ClientLine,
    PlainDialect,
    ProviderDialect,
    ProviderProtocol,
    SourceEndpoint,
)
from simulator.providers.spelling import find, is_coin, is_stock
from simulator.providers.text import encode, number, read_trade
from simulator.simulated_trade import SimulatedTrade
from simulator.stream_message import StreamMessage, framed
from simulator.stream_name import symbol_of

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

SYMBOLS = 50
PING_EVERY = 60
# The seconds for which trades are collected for one frame, and their maximum number.
GATHERED = 0.05
MOST_TRADES = 100

QUOTE, CANDLES = "/api/v1/quote", "/api/v1/stock/candle"
NOTHING = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}


# Finnhub's numbers of the conditions on tape C that forbid a trade to be the last price, and an
# unknown one.
CONDITIONS = {
    "C": "5", "H": "10", "I": "12", "M": "16", "N": "17", "P": "21", "Q": "20", "R": "22",
    "T": "24", "U": "25", "V": "26", "W": "3", "Z": "30", "4": "32", "7": "37", "?": "99",
}  # fmt: skip


def name_of(listing: Listing) -> str:
    """Return AAPL, BINANCE:BTCUSDT or OANDA:EUR_USD."""
    if is_stock(listing):
        return listing.base
    if is_coin(listing):
        return f"BINANCE:{listing.symbol}"
    return f"OANDA:{listing.base}_{listing.quote}"


# The WebSocket


def open_socket(
    server: "ProviderServer", request: HttpRequest
) -> "Callable[[ClientLine], ProviderDialect] | HttpAnswer":
    """Return the dialect for a new connection with a token; one path serves all."""
    if request.path != "/":
        return HttpAnswer(404, b"", content_type="text/plain")
    token = dict(request.parameters).get("token", "")
    if not _is_valid(token):
        return _refusal(401, "Invalid API key")
    return lambda line: SimulatedFinnhub(server, line, token)


class SimulatedFinnhub(PlainDialect):
    """The dialect of one connection; no command is acknowledged."""

    def __init__(self, server: "ProviderServer", line: ClientLine, token: str) -> None:
        super().__init__(server, line)
        self.token = token
        self._wanted: dict[str, Listing | None] = {}
        self._trades: list[dict[str, Any]] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._quiet_for = 0

    def opened(self) -> None:
        """Drop all connections of this token if there is more than one."""
        same = [
            client_socket
            for client_socket in self.server.client_sockets.values()
            if isinstance(client_socket.dialect, SimulatedFinnhub)
            and client_socket.dialect.token == self.token
        ]
        if len(same) > 1:
            for client_socket in same:
                client_socket.drop(reset=False)

    def ended(self) -> None:
        """Cancel the pending frame."""
        if self._gathering:
            self._gathering.cancel()

    # The client's commands

    def received(self, text: bytes) -> None:
        """Subscribe to a symbol or unsubscribe; ignore any other message."""
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
            self.line.send_text(encode({"type": "error", "msg": "Subscribing to too many symbols"}))
            return
        # An unknown symbol counts, too.
        listing = self._wanted[name] = find(self.server.source, name_of, name)
        if listing is not None:
            self.line.subscribe([_stream(listing)])

    def _leave(self, name: str) -> None:
        listing = self._wanted.pop(name, None)
        if listing is not None:
            self.line.unsubscribe([_stream(listing)])

    # Messages to the client

    def second(self) -> None:
        """Send a JSON ping, about once a minute."""
        tricks = self.server.faults.tricks
        self._quiet_for += 1
        if self._quiet_for >= tricks.get("ping_every", PING_EVERY):
            self._quiet_for = 0
            if "no_ping" not in tricks:
                self.line.send_text(encode({"type": "ping"}))

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Collect the trades of all symbols; return a frame when there are many."""
        listing = self.server.source.listings[symbol_of(message.stream)]
        self._trades.append(self._trade(listing, read_trade(message.payload)))
        if len(self._trades) >= MOST_TRADES:
            yield framed(self._take())
        elif self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(GATHERED, self._send_trades)

    def _send_trades(self) -> None:
        self.line.send_text(self._take())

    def _take(self) -> bytes:
        """Return the frame of the collected trades and clear them."""
        trades, self._trades = self._trades, []
        if self._gathering:
            self._gathering.cancel()
            self._gathering = None
        if "unsorted" in self.server.faults.tricks:
            trades.reverse()
        return encode({"data": trades, "type": "trade"})

    def _trade(self, listing: Listing, trade: SimulatedTrade) -> dict[str, Any]:
        tricks = self.server.faults.tricks
        is_update = "updates" in tricks or not (is_stock(listing) or is_coin(listing))
        return {
            **_conditions(listing, trade),
            "p": number(trade.price),
            "s": name_of(listing),
            "t": trade.time + self.server.ahead(),
            "v": 0 if is_update else number(trade.quantity),
        }


def _conditions(listing: Listing, trade: SimulatedTrade) -> dict[str, list[str] | None]:
    """Return `c` in each of its forms: a list, an empty list, null, or missing."""
    if trade.condition:
        return {"c": ["1", CONDITIONS[trade.condition]]}
    some = ["1", "12"] if is_stock(listing) else None
    forms: tuple[dict[str, list[str] | None], ...] = ({"c": some}, {"c": None}, {"c": []}, {})
    return forms[trade.id % len(forms)]


def _stream(listing: Listing) -> str:
    return f"{listing.stream}@trade"


# HTTP


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Answer one call; the token is in the URL or in a header."""
    asked = dict(request.parameters)
    if not _is_valid(asked.get("token") or request.headers.get("x-finnhub-token", "")):
        return _refusal(401, "Invalid API key")
    if request.path == CANDLES or "forbidden" in server.faults.tricks:
        return _refusal(403, "You don't have access to this resource.")
    if request.path != QUOTE:
        return HttpAnswer(404, b"Not Found", content_type="text/plain")
    listing = find(server.source, name_of, asked.get("symbol", ""))
    if listing is None or "zeros" in server.faults.tricks:
        return HttpAnswer(200, encode(NOTHING))
    return HttpAnswer(200, encode(_quote(server, listing)))


def _quote(server: "ProviderServer", listing: Listing) -> dict[str, Any]:
    day = listing.day(server.source.now())
    if day is None:
        return NOTHING
    last, before = day.last.price, day.price_before
    return {
        "c": number(last),
        "d": number(last - before),
        "dp": round((last / before - 1) * 100, 4) if before else None,
        "h": number(day.bar.high),
        "l": number(day.bar.low),
        "o": number(day.bar.open),
        "pc": number(before),
        "t": server.dated(day.last.time + server.ahead()) // 1000,
    }


# Both


def _is_valid(token: str) -> bool:
    return token != "" and not token.startswith("bad")


def _refusal(status: int, words: str) -> HttpAnswer:
    return HttpAnswer(status, encode({"error": words}))


VENUE = ProviderProtocol(
    open_socket=open_socket,
    answer=answer,
    endpoints={
        "finnhub": SourceEndpoint("finnhub", time_keys=("t",)),
        "finnhub_quote": SourceEndpoint(
            "finnhub", over_http=True, by_question=True, time_keys=("t",)
        ),
    },
    conditions=tuple(CONDITIONS),
)
