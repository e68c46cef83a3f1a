"""Kraken over WebSocket v2: the `trade` and `ticker` channels, kept alive by heartbeats.

https://docs.kraken.com/api/docs/websocket-v2/ticker
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import (
    BAD_FRAME,
    Acknowledged,
    Event,
    FrameContext,
    Keyless,
    RequestRejected,
    StreamProvider,
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.kraken import STREAM
from omcrm.market.parsing import exact, from_iso, integer, mapping, sequence, text
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

# Trades come first, so that a quote begins with a real one. Without `bbo` a ticker is sent only
# with a trade, and a quiet pair would look dead.
_TRADE: Mapping[str, object] = {"channel": "trade"}
_TICKER: Mapping[str, object] = {"channel": "ticker", "event_trigger": "bbo"}
_PAIRS_A_FRAME = 100
_CURRENCIES = frozenset(("AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "USD"))


class Kraken(Keyless):
    """Keyless; names are pairs like BTC/USD and EUR/USD."""

    source = STREAM.source
    limits = STREAM.limits

    def __init__(self, ws_url: str) -> None:
        self._url = ws_url

    def url(self) -> str:
        return self._url

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return _commands("subscribe", {"snapshot": True}, names, request)

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return _commands("unsubscribe", {}, names, request)

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(mapping(decode(frame)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        if "method" in message or "error" in message:
            return _answer(message)
        match text(message["channel"]):
            case "trade":
                return self._trades(message, arrival)
            case "ticker":
                return self._tickers(message, arrival)
        # Heartbeats and the exchange's status have no price, and new channels may appear.
        return []

    def _trades(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        # The order is not documented, and the validator rejects an older trade after a newer one.
        trades = sorted(_followed(message, arrival), key=lambda trade: integer(trade["trade_id"]))
        if message.get("type") == "snapshot":
            # The last fifty: only the newest trade of a pair is a present price.
            trades = list({trade["symbol"]: trade for trade in trades}.values())
        return [self._tick(trade, arrival, trade=_trade(trade)) for trade in trades]

    def _tickers(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        # `last` makes no trade. It has no id and no time of its own, so it could not be compared
        # with an older one, would replace both of the real trade in the quote, and on every change
        # of the book would make an old price look new. Before the first trade it is not needed:
        # the snapshot of the trades is requested first, and holds one however quiet the pair is,
        # while `last` is documented for a day only. It serves to compute the price of a day ago.
        ticks = [
            self._tick(ticker, arrival, book=_book(ticker), day=_day(ticker))
            for ticker in _followed(message, arrival)
        ]
        return [tick for tick in ticks if tick.book or tick.day]

    def _tick(
        self,
        entry: dict[str, Any],
        arrival: FrameContext,
        trade: Trade | None = None,
        book: TopOfBook | None = None,
        day: DayFigures | None = None,
    ) -> Tick:
        symbol = arrival.names[entry["symbol"]]
        return Tick(
            symbol,
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
            book=book,
            day=day,
        )


def _commands(
    method: str, details: Mapping[str, object], names: Iterable[str], request: int
) -> list[str]:
    pairs = list(names)
    # A trade of currencies is hours old, and not their price.
    coins = [pair for pair in pairs if not _CURRENCIES.issuperset(pair.split("/"))]
    commands = [
        {"method": method, "params": {**channel, **details, "symbol": batch}}
        for channel, wanted in ((_TRADE, coins), (_TICKER, pairs))
        for batch in batches(wanted, _PAIRS_A_FRAME)
    ]
    return [
        msgspec.json.encode({**command, "req_id": number}).decode()
        for number, command in enumerate(commands, request)
    ]


def _answer(message: dict[str, Any]) -> list[Event]:
    """The events in an answer to a command; one comes for every pair of the command."""
    if "error" in message or message.get("success") is False:
        return [RequestRejected(0, text(message.get("error", ""))[:200])]
    if text(message["method"]) == "pong":
        return []
    if message["success"] is not True:
        raise ValueError("neither a success nor a failure")
    number = message.get("req_id")
    return [Acknowledged(None if number is None else integer(number))]


def _followed(message: dict[str, Any], arrival: FrameContext) -> list[dict[str, Any]]:
    entries = [mapping(entry) for entry in sequence(message["data"])]
    return [entry for entry in entries if text(entry["symbol"]) in arrival.names]


def _trade(entry: dict[str, Any]) -> Trade:
    return Trade(
        exact(entry["price"]),
        exact(entry["qty"]),
        integer(entry["trade_id"]),
        from_iso(entry["timestamp"]),
    )


def _book(entry: dict[str, Any]) -> TopOfBook | None:
    # Without an id: a ticker has none.
    bid, ask = _price(entry, "bid"), _price(entry, "ask")
    if bid is None or ask is None:
        return None
    sizes = _number(entry, "bid_qty"), _number(entry, "ask_qty")
    return TopOfBook(bid, ask, *sizes, time=_time(entry))


def _day(entry: dict[str, Any]) -> DayFigures | None:
    figures = (
        _open(entry),
        _price(entry, "high"),
        _price(entry, "low"),
        _number(entry, "volume"),
        _number(entry, "change_pct"),
    )
    if all(value is None for value in figures):
        return None
    return DayFigures(*figures, _time(entry), _price(entry, "last"))


def _time(entry: dict[str, Any]) -> datetime | None:
    # Older versions of the channel send no time.
    time = entry.get("timestamp")
    return None if time is None else from_iso(time)


def _open(entry: dict[str, Any]) -> Decimal | None:
    last, change = _price(entry, "last"), _number(entry, "change")
    if last is None or change is None or last <= change:
        return None
    return last - change


def _number(entry: dict[str, Any], name: str) -> Decimal | None:
    value = entry.get(name)
    return None if value is None else exact(value)


def _price(entry: dict[str, Any], name: str) -> Decimal | None:
    # Without a trade or quote the field is zero, which is no price.
    return _number(entry, name) or None


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Kraken(settings.urls[STREAM.source.name])
