"""Alpaca's market data over WebSocket: trades, quotes and daily bars, after a login.

https://docs.alpaca.markets/docs/real-time-stock-pricing-data
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Acknowledged,
    Authenticated,
    Event,
    FrameContext,
    RequestRejected,
    StreamProvider,
    Unreadable,
    batches,
    decode,
    unknown_conditions,
)
from omcrm.feeds.providers.alpaca import KEY_ID, SECRET, STREAM
from omcrm.market.parsing import exact, from_iso, integer, mapping, sequence, text
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade, TradeCorrection
from omcrm.market.trade_condition import (
    CTA,
    EITHER_TAPE,
    UTP,
    ConditionTable,
    updates_of,
)

# A request beyond the limit is refused as a whole. Should a symbol's trades and quotes count twice,
# as they once did, the first half is still served.
_SYMBOLS_A_FRAME = STREAM.limits.symbols // 2
_CHANNELS = ("trades", "quotes", "dailyBars")
# The feed of FAKEPACA rejects subscriptions to daily bars.
_TEST_CHANNELS = ("trades", "quotes")
# By the tape of a trade; others are those of shares without an exchange, and of the night.
_CONDITIONS: Mapping[str, ConditionTable] = {"A": CTA, "B": CTA, "C": UTP}
# Quotes of shares count round lots.
_ROUND_LOT = 100
# What ends the connection, as the nearest status of HTTP; other errors only refuse a request.
_ACCESS_DENIED: Mapping[int, int] = {
    401: 401,  # not authenticated
    402: 401,  # auth failed
    404: 401,  # auth timeout
    406: 429,  # connection limit exceeded
    407: 503,  # slow client
    409: 403,  # insufficient subscription
    500: 503,  # internal error
}
_LONGEST = 200


class Alpaca:
    """Names are shares like AAPL, or pairs like BTC/USD where the URL is the crypto feed's."""

    limits = STREAM.limits
    authenticates = True

    def __init__(self, ws_url: str, keys: Keys) -> None:
        path = urlsplit(ws_url).path.rstrip("/")
        feed = path.rpartition("/")[2]
        self.source = STREAM.source
        if feed == "delayed_sip":
            self.source = structs.replace(STREAM.source, claim=PriceClass.DELAYED)
        self._url = ws_url
        self._keys = keys
        self._channels = _TEST_CHANNELS if feed == "test" else _CHANNELS
        self._is_crypto = "/crypto/" in path

    def missing(self) -> str | None:
        return next((name for name in (KEY_ID.env, SECRET.env) if not self._keys.get(name)), None)

    def api_key(self) -> str:
        return self._keys.get(KEY_ID.env)

    def url(self) -> str:
        return self._url

    def opening(self) -> list[str]:
        key, secret = self._keys.get(KEY_ID.env), self._keys.get(SECRET.env)
        return [_command({"action": "auth", "key": key, "secret": secret})]

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return self._ask("subscribe", names)

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return self._ask("unsubscribe", names)

    def _ask(self, action: str, names: Iterable[str]) -> list[str]:
        return [
            _command({"action": action, **dict.fromkeys(self._channels, batch)})
            for batch in batches(list(names), _SYMBOLS_A_FRAME)
        ]

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            messages = sequence(decode(frame))
        except BAD_FRAME as error:
            return [self._unreadable(error)]
        events: list[Event] = []
        problem: Unreadable | None = None
        for message in messages:
            # One bad message of an array does not affect the others; the first problem is reported.
            try:
                events += self._read(mapping(message), arrival)
            except BAD_FRAME as error:
                problem = problem or self._unreadable(error)
        return events if problem is None else [*events, problem]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        match text(message["T"]):
            case "t" | "q" | "d" | "c" | "x" as kind:
                return self._ticks(kind, message, arrival)
            case "success":
                return [Authenticated()] if text(message["msg"]) == "authenticated" else []
            case "subscription":
                return [Acknowledged(None)]
            case "error":
                return [self._error(message)]
        # Other bars, halts, limits, news and books bring no last price, and new types may appear.
        return []

    def _ticks(self, kind: str, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        symbol = arrival.names.get(text(message["S"]))
        if symbol is None:
            return []
        trade = self._trade(message) if kind == "t" else None
        book = self._book(message) if kind == "q" else None
        day = _day(message) if kind == "d" else None
        correction = _correction(kind, message) if kind in ("c", "x") else None
        if not (trade or book or day or correction):
            return []
        tick = Tick(
            symbol,
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
            book=book,
            day=day,
            correction=correction,
        )
        if kind != "t" or self._is_crypto:
            return [tick]
        return [tick, *unknown_conditions(*_conditions(message, "c"))]

    def _trade(self, message: dict[str, Any]) -> Trade:
        price, size, time = exact(message["p"]), exact(message["s"]), from_iso(message["t"])
        if self._is_crypto:
            return Trade(price, size, integer(message["i"]), time)
        # Each exchange (`x`) numbers the trades of a share by itself: the number of one is not
        # older than a greater one of another. Pairs have one exchange.
        updates = updates_of(*_conditions(message, "c"))
        reference = _reference(message, "i")
        return Trade(price, size, time=time, updates=updates, reference=reference)

    def _book(self, message: dict[str, Any]) -> TopOfBook | None:
        bid, ask = exact(message["bp"]), exact(message["ap"])
        if bid == 0 or ask == 0:
            # A side without orders is sent as zero.
            return None
        time = from_iso(message["t"]) if "t" in message else None
        sizes = self._size(message["bs"]), self._size(message["as"])
        return TopOfBook(bid, ask, *sizes, time=time)

    def _size(self, value: Any) -> Decimal:
        return exact(value) if self._is_crypto else exact(value) * _ROUND_LOT

    def _error(self, message: dict[str, Any]) -> Event:
        code = integer(message["code"])
        words = self._keys.hide(text(message.get("msg", "")))[:_LONGEST]
        if code in _ACCESS_DENIED:
            return AccessDenied(_ACCESS_DENIED[code], words)
        return RequestRejected(code, words)

    def _unreadable(self, error: Exception) -> Unreadable:
        # Python quotes what it cannot read. Keys are hidden before the text is cut: half a key
        # would not be found.
        return Unreadable(self._keys.hide(f"{type(error).__name__}: {error}")[:_LONGEST])


def _command(command: dict[str, Any]) -> str:
    return msgspec.json.encode(command).decode()


def _conditions(message: dict[str, Any], field: str) -> tuple[list[str], ConditionTable]:
    """The conditions in this field, and the table of their tape."""
    codes = [text(code) for code in sequence(message.get(field) or [])]
    return codes, _CONDITIONS.get(text(message.get("z", "")), EITHER_TAPE)


def _reference(message: dict[str, Any], field: str) -> str:
    """What a trade is taken back by: its exchange, and the number in this field there."""
    return f"{text(message.get('x', ''))} {integer(message[field])}"


def _correction(kind: str, message: dict[str, Any]) -> TradeCorrection:
    if kind == "x":
        return TradeCorrection(_reference(message, "i"))
    updates = updates_of(*_conditions(message, "cc"))
    corrected = Trade(
        exact(message["cp"]),
        exact(message["cs"]) if "cs" in message else None,
        updates=updates,
        reference=_reference(message, "ci"),
    )
    return TradeCorrection(_reference(message, "oi"), corrected)


def _day(message: dict[str, Any]) -> DayFigures | None:
    volume = exact(message["v"])
    if volume == 0:
        # Without a trade a bar is made of the middles of quotes.
        return None
    return DayFigures(
        exact(message["o"]),
        exact(message["h"]),
        exact(message["l"]),
        volume,
        time=from_iso(message["t"]),
    )


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Alpaca(settings.urls[STREAM.source.name], settings.keys)
