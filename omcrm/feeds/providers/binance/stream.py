"""Binance spot market data over WebSocket.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import (
    BAD_FRAME,
    Acknowledged,
    ClosingSoon,
    Event,
    FrameContext,
    Keyless,
    RequestRejected,
    StreamProvider,
    Unreadable,
    unreadable,
)
from omcrm.feeds.providers.binance import MOST_STREAMS, PROVIDER, STREAM, STREAMS
from omcrm.market.parsing import exact, from_microseconds, from_milliseconds, integer, mapping
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

_STREAMS_A_FRAME = 200
# Later than the year 5000 in milliseconds: the time unit is microseconds.
_MICROSECONDS = 10**14


class Binance(Keyless):
    """The provider; `source` is another one where another server uses Binance's wire format."""

    def __init__(
        self, ws_url: str, streams: tuple[str, ...], source: Source = STREAM.source
    ) -> None:
        self.source = source
        self.limits = structs.replace(STREAM.limits, symbols=MOST_STREAMS // len(streams))
        self._base = ws_url
        self._streams = streams
        # A summary lags behind the streams it sums up: those are used where they are subscribed.
        self._tickers_have_book = "bookTicker" not in streams
        self._minis_have_trade = not {"trade", "aggTrade", "ticker"} & set(streams)

    def url(self) -> str:
        base = self._base.rstrip("/")
        for path in ("/stream", "/ws"):
            base = base.removesuffix(path)
        return f"{base}/stream"

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return self._commands("SUBSCRIBE", names, request)

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return self._commands("UNSUBSCRIBE", names, request)

    def _commands(self, method: str, names: Iterable[str], request: int) -> list[str]:
        streams = [f"{name}@{stream}" for name in names for stream in self._streams]
        return [
            msgspec.json.encode(
                {
                    "method": method,
                    "params": streams[start : start + _STREAMS_A_FRAME],
                    "id": request + number,
                }
            ).decode()
            for number, start in enumerate(range(0, len(streams), _STREAMS_A_FRAME))
        ]

    # Reading

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(msgspec.json.decode(frame), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: Any, arrival: FrameContext) -> list[Event]:
        stream = ""
        if isinstance(message, dict) and "stream" in message:
            stream, message = message["stream"], message["data"]
        messages = message if isinstance(message, list) else [message]
        events = [self._read_event(mapping(event), stream, arrival) for event in messages]
        return [event for event in events if event is not None]

    def _read_event(
        self, message: dict[str, Any], stream: str, arrival: FrameContext
    ) -> Event | None:
        kind = message.get("e")
        if kind is None:
            return self._read_unnamed(message, stream, arrival)
        if kind == "serverShutdown":
            return ClosingSoon()
        reader = _READERS.get(kind)
        if reader is None:
            return None if kind in _NO_PRICE else Unreadable(f"unknown event {kind!r}"[:200])
        symbol = arrival.names.get(message["s"].lower())
        if symbol is None:
            return None
        trade, book, day = reader(self, message)
        if trade or book or day:
            return _tick(symbol, self.source, arrival, trade, book, day)
        return None

    def _read_unnamed(
        self, message: dict[str, Any], stream: str, arrival: FrameContext
    ) -> Event | None:
        if "u" in message and "b" in message:
            symbol = arrival.names.get(message["s"].lower())
            if symbol is None:
                return None
            ticker = _book_ticker(message)
            return Tick(symbol, self.source, arrival.received_at, arrival.connection, book=ticker)
        if "lastUpdateId" in message:
            # A partial book names no symbol; the combined stream does.
            symbol = arrival.names.get(stream.partition("@")[0])
            book = _partial_book(message)
            if symbol is None or book is None:
                return None
            return _tick(symbol, self.source, arrival, None, book, None)
        if "error" in message or "code" in message:
            refusal = mapping(message.get("error", message))
            return RequestRejected(
                integer(refusal.get("code", 0)), str(refusal.get("msg", ""))[:200]
            )
        if "id" in message and "result" in message:
            return Acknowledged(message["id"])
        return Unreadable(f"unknown message with {', '.join(sorted(message)[:8])}"[:200])

    # The trade, book and day figures in each kind of event

    def _trade(self, message: dict[str, Any]) -> "_Parts":
        trade = Trade(
            exact(message["p"]), exact(message["q"]), integer(message["t"]), _time(message["T"])
        )
        return trade, None, None

    def _agg_trade(self, message: dict[str, Any]) -> "_Parts":
        trade = Trade(
            exact(message["p"]), exact(message["q"]), integer(message["l"]), _time(message["T"])
        )
        return trade, None, None

    def _ticker(self, message: dict[str, Any]) -> "_Parts":
        time = _time(message["E"])
        day = DayFigures(
            exact(message["o"]),
            exact(message["h"]),
            exact(message["l"]),
            exact(message["v"]),
            exact(message["P"]),
            time,
            exact(message["c"]),
        )
        book = _book(message) if self._tickers_have_book else None
        return _last_trade(message, time), book, day if day.open else None

    def _mini_ticker(self, message: dict[str, Any]) -> "_Parts":
        time = _time(message["E"])
        last, opened = exact(message["c"]), exact(message["o"])
        change = round((last / opened - 1) * 100, 3) if opened > 0 else None
        day = DayFigures(
            opened,
            exact(message["h"]),
            exact(message["l"]),
            exact(message["v"]),
            change,
            time,
            last,
        )
        trade = Trade(last, None, None, time) if self._minis_have_trade else None
        return trade, None, day if opened else None

    def _window_ticker(self, message: dict[str, Any]) -> "_Parts":
        # Its figures are of another window than 24 hours: only the last trade is used.
        return _last_trade(message, _time(message["E"])), None, None

    def _kline(self, message: dict[str, Any]) -> "_Parts":
        kline = mapping(message["k"])
        last_id = integer(kline["L"])
        # A candle without trades repeats the previous close and has -1 as its last trade's id.
        if last_id < 0:
            return None, None, None
        return Trade(exact(kline["c"]), None, last_id, _time(message["E"])), None, None


_Parts = tuple[Trade | None, TopOfBook | None, DayFigures | None]

_READERS: dict[str, Callable[[Binance, dict[str, Any]], _Parts]] = {
    "trade": Binance._trade,
    "aggTrade": Binance._agg_trade,
    "24hrTicker": Binance._ticker,
    "24hrMiniTicker": Binance._mini_ticker,
    "1hTicker": Binance._window_ticker,
    "4hTicker": Binance._window_ticker,
    "1dTicker": Binance._window_ticker,
    "kline": Binance._kline,
}

# Known events without a last price or a top of the book.
_NO_PRICE = frozenset({"depthUpdate", "avgPrice", "referencePrice", "blockTrade"})


def _tick(
    symbol: str,
    source: Source,
    arrival: FrameContext,
    trade: Trade | None,
    book: TopOfBook | None,
    day: DayFigures | None,
) -> Tick:
    return Tick(
        symbol, source, arrival.received_at, arrival.connection, trade=trade, book=book, day=day
    )


def _time(value: Any) -> datetime:
    return from_microseconds(value) if integer(value) > _MICROSECONDS else from_milliseconds(value)


def _last_trade(message: dict[str, Any], time: datetime) -> Trade | None:
    last_id = integer(message["L"])
    if last_id < 0:
        return None
    size = exact(message["Q"]) if "Q" in message else None
    return Trade(exact(message["c"]), size, last_id, time)


def _book_ticker(message: dict[str, Any]) -> TopOfBook:
    return TopOfBook(
        exact(message["b"]),
        exact(message["a"]),
        exact(message["B"]),
        exact(message["A"]),
        integer(message["u"]),
    )


def _book(message: dict[str, Any]) -> TopOfBook | None:
    bid, ask = exact(message["b"]), exact(message["a"])
    if not bid or not ask:
        return None
    return TopOfBook(bid, ask, exact(message["B"]), exact(message["A"]))


def _partial_book(message: dict[str, Any]) -> TopOfBook | None:
    bids, asks = message["bids"], message["asks"]
    if not bids or not asks:
        return None
    return TopOfBook(
        exact(bids[0][0]),
        exact(asks[0][0]),
        exact(bids[0][1]),
        exact(asks[0][1]),
        integer(message["lastUpdateId"]),
    )


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Binance(settings.urls[PROVIDER.name], settings.chosen(STREAMS))
