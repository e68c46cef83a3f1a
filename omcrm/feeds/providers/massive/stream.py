"""Massive (Polygon until 2025) over WebSocket: trades, quotes and bars of one cluster.

The last segment of the URL's path names the cluster: `stocks`, `crypto` or `forex`.
https://massive.com/docs/websocket/quickstart
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
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
    StreamLimits,
    StreamProvider,
    Unreadable,
    batches,
    decode,
    unknown_conditions,
    unreadable,
)
from omcrm.feeds.providers.massive import KEY, STREAM
from omcrm.feeds.providers.massive.conditions import CONDITIONS
from omcrm.market.parsing import exact, from_milliseconds, integer, mapping, sequence, text
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.trade_condition import EVERYTHING, updates_of

# The channels per symbol; a bar of a second is the only event with figures of the day.
_CHANNELS = {"crypto": ("XT", "XQ"), "forex": ("C",)}
_STOCK_CHANNELS = ("T", "Q", "A")
# The field that names the symbol.
_NAMED_BY = {"T": "sym", "Q": "sym", "A": "sym", "XT": "pair", "XQ": "pair", "C": "p"}
# Longer bars, limits, imbalances, indices and estimates have neither a last price nor a book.
_NO_PRICE = frozenset({"AM", "XA", "XAS", "CA", "CAS", "LULD", "NOI", "V", "FMV"})
# The nearest HTTP status of each status that ends a connection.
_ACCESS_DENIED = {
    "auth_failed": 401,
    "max_connections": 429,
    "slow_consumer": 503,
    "force_disconnect": 503,
    "auth_timeout": 503,
}
_NAMES_A_FRAME = 200
_LONGEST = 200


class Massive:
    """Names are tickers like AAPL, or pairs like BTC-USD and EUR/USD."""

    stream = STREAM
    authenticates = True

    def __init__(self, ws_url: str, keys: Keys) -> None:
        self._url = ws_url
        self._keys = keys

    @property
    def limits(self) -> StreamLimits:
        """What one connection may do; each cluster has its own."""
        return self.stream.limits

    @property
    def source(self) -> Source:
        """Its name; the prices of the delayed hosts are a quarter of an hour old."""
        is_delayed = (urlsplit(self._url).hostname or "").startswith("delayed")
        if is_delayed:
            return structs.replace(self.stream.source, claim=PriceClass.DELAYED)
        return self.stream.source

    def missing(self) -> str | None:
        return None if self._keys.get(KEY.env) else KEY.env

    def api_key(self) -> str:
        return self._keys.get(KEY.env)

    def url(self) -> str:
        return self._url

    def opening(self) -> list[str]:
        return [_command("auth", self._keys.get(KEY.env))]

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return self._commands("subscribe", names)

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return self._commands("unsubscribe", names)

    def _commands(self, action: str, names: Iterable[str]) -> list[str]:
        cluster = urlsplit(self._url).path.rstrip("/").rpartition("/")[2]
        channels = _CHANNELS.get(cluster, _STOCK_CHANNELS)
        return [
            _command(
                action, ",".join(f"{channel}.{name}" for name in batch for channel in channels)
            )
            for batch in batches(list(names), _NAMES_A_FRAME)
        ]

    # Reading

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        events: list[Event] = []
        problem: Unreadable | None = None
        try:
            messages = sequence(decode(frame))
        except BAD_FRAME as error:
            return [unreadable(error)]
        source = self.source
        for message in messages:
            # Several symbols share a frame: only the bad event is lost.
            try:
                events += self._read(mapping(message), source, arrival)
            except BAD_FRAME as error:
                problem = problem or unreadable(error)
        return events if problem is None else [*events, problem]

    def _read(
        self, message: dict[str, Any], source: Source, arrival: FrameContext
    ) -> Sequence[Event]:
        kind = text(message["ev"])
        if kind == "status":
            status = self._status(message)
            return [] if status is None else [status]
        if kind in _NAMED_BY:
            symbol = _followed(text(message[_NAMED_BY[kind]]), arrival)
            tick = None if symbol is None else _tick(symbol, kind, message, source, arrival)
            if tick is None:
                return []
            codes = _conditions(message) if kind == "T" else []
            return [tick, *unknown_conditions(codes, CONDITIONS)]
        if kind in _NO_PRICE:
            return []
        return [Unreadable(self._words(f"unknown event {kind!r}"))]

    def _status(self, message: dict[str, Any]) -> Event | None:
        status = text(message["status"]).lower()
        words = self._words(text(message.get("message", "")) or status)
        if status in _ACCESS_DENIED:
            return AccessDenied(_ACCESS_DENIED[status], words)
        match status:
            case "connected":
                return None
            case "auth_success":
                return Authenticated()
            case "success":
                return Acknowledged(None)
            case "error" | "not_authorized":
                return RequestRejected(0, words)
        return Unreadable(self._words(f"unknown status {status!r}"))

    def _words(self, words: str) -> str:
        # An upstream may repeat the key; it is hidden before the cut, so that no half remains.
        return self._keys.hide(words)[:_LONGEST]


def _command(action: str, params: str) -> str:
    return msgspec.json.encode({"action": action, "params": params}).decode()


def _followed(name: str, arrival: FrameContext) -> str | None:
    """Our symbol; pairs are subscribed, and sent, with a dash or a slash."""
    names = arrival.names
    return names.get(name) or names.get(name.replace("/", "-")) or names.get(name.replace("-", "/"))


def _tick(
    symbol: str, kind: str, message: dict[str, Any], source: Source, arrival: FrameContext
) -> Tick | None:
    trade = book = day = None
    match kind:
        case "T" | "XT":
            trade = _trade(message, is_share=kind == "T")
        case "Q" | "XQ":
            book = _book(message)
        case "C":
            # Currencies have no sizes.
            book = TopOfBook(exact(message["b"]), exact(message["a"]), time=_time(message))
        case "A":
            day = _day(message)
    if trade is None and book is None and day is None:
        return None
    return Tick(symbol, source, arrival.received_at, arrival.connection, trade, book, day)


def _trade(message: dict[str, Any], *, is_share: bool) -> Trade:
    # No id: `i` is a text that is unique at one stock exchange only, and `q` starts anew every
    # trading day: on a connection that lives overnight every trade of the next day would look
    # older than the last.
    return Trade(
        exact(message["p"]),
        _number(message, "ds", "s"),
        time=from_milliseconds(message["t"]),
        # A coin's condition is the side of the trade.
        updates=updates_of(_conditions(message), CONDITIONS) if is_share else EVERYTHING,
    )


def _conditions(message: dict[str, Any]) -> list[str]:
    return [str(integer(code)) for code in sequence(message.get("c") or [])]


def _book(message: dict[str, Any]) -> TopOfBook:
    # No id, for the same reason as a trade's.
    sizes = _number(message, "bs"), _number(message, "as")
    return TopOfBook(exact(message["bp"]), exact(message["ap"]), *sizes, time=_time(message))


def _time(message: dict[str, Any]) -> datetime | None:
    return from_milliseconds(message["t"]) if "t" in message else None


def _day(message: dict[str, Any]) -> DayFigures | None:
    """The figures of the day in a bar of one second; the bar's own prices are not used."""
    opened, volume = _number(message, "op"), _number(message, "dav", "av")
    if not opened:
        # Before the opening auction there is no official open.
        opened = None
    if opened is None and volume is None:
        return None
    return DayFigures(open=opened, volume=volume, time=from_milliseconds(message["e"]))


def _number(message: dict[str, Any], *fields: str) -> Decimal | None:
    """The first of these fields that has a value; the exact text is listed before the number."""
    for field in fields:
        if message.get(field) not in (None, ""):
            return exact(message[field])
    return None


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Massive(settings.urls[STREAM.source.name], settings.keys)
