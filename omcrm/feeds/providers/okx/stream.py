"""OKX over WebSocket v5: the `trades`, `bbo-tbt` and `tickers` channels.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data
"""

from collections.abc import Iterable
from typing import Any

import msgspec

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
    batches,
    decode,
    unreadable,
)
from omcrm.feeds.providers.okx import STREAM
from omcrm.market.parsing import exact, from_milliseconds, integer, mapping, sequence, text, whole
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

# `bbo-tbt` sends every change of the best bid and ask, with a number.
_CHANNELS = ("trades", "bbo-tbt", "tickers")
_UPGRADE = "64008"
_LONGEST = 200


class Okx(Keyless):
    """Keyless; names are instrument ids like BTC-USDT."""

    source = STREAM.source
    limits = STREAM.limits

    def __init__(self, ws_url: str) -> None:
        self._url = ws_url

    def url(self) -> str:
        return self._url

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return _commands("subscribe", names)

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return _commands("unsubscribe", names)

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        if frame in ("pong", b"pong"):
            return []
        try:
            message = mapping(decode(frame))
            return [_notice(message)] if "event" in message else self._ticks(message, arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _ticks(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        topic = mapping(message["arg"])
        channel, symbol = text(topic["channel"]), arrival.names.get(text(topic["instId"]))
        if symbol is None or channel not in _CHANNELS:
            return []
        entries = [mapping(entry) for entry in sequence(message["data"])]
        if channel == "trades":
            # The order in a frame is not documented, and an older trade after a newer is rejected.
            entries.sort(key=lambda entry: whole(entry["tradeId"]))
        ticks = [self._tick(symbol, channel, entry, arrival) for entry in entries]
        return [tick for tick in ticks if tick.trade or tick.book or tick.day]

    def _tick(
        self, symbol: str, channel: str, entry: dict[str, Any], arrival: FrameContext
    ) -> Tick:
        return Tick(
            symbol,
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=_trade(entry) if channel == "trades" else None,
            book=_book(entry) if channel == "bbo-tbt" else None,
            day=_day(entry) if channel == "tickers" else None,
        )


def _commands(operation: str, names: Iterable[str]) -> list[str]:
    return [
        msgspec.json.encode(
            {
                "op": operation,
                "args": [
                    {"channel": channel, "instId": name} for name in batch for channel in _CHANNELS
                ],
            }
        ).decode()
        for batch in batches(list(names), STREAM.limits.symbols)
    ]


def _notice(message: dict[str, Any]) -> Event:
    match text(message["event"]):
        case "subscribe" | "unsubscribe" | "channel-conn-count":
            return Acknowledged(None)
        case "error" | "channel-conn-count-error":
            words = text(message.get("msg", ""))[:_LONGEST]
            return RequestRejected(whole(message.get("code", "0")), words)
        case "notice":
            if message.get("code") == _UPGRADE:
                return ClosingSoon()
            return Acknowledged(None)
        case event:
            return Unreadable(f"unknown event {event!r}"[:_LONGEST])


def _trade(entry: dict[str, Any]) -> Trade:
    return Trade(
        exact(text(entry["px"])),
        exact(text(entry["sz"])),
        whole(entry["tradeId"]),
        from_milliseconds(whole(entry["ts"])),
    )


def _book(entry: dict[str, Any]) -> TopOfBook | None:
    bids, asks = sequence(entry["bids"]), sequence(entry["asks"])
    if not bids or not asks:
        return None
    (bid, bid_size, *_), (ask, ask_size, *_) = sequence(bids[0]), sequence(asks[0])
    return TopOfBook(
        exact(text(bid)),
        exact(text(ask)),
        exact(text(bid_size)),
        exact(text(ask_size)),
        integer(entry["seqId"]) if "seqId" in entry else None,
        from_milliseconds(whole(entry["ts"])),
    )


def _day(entry: dict[str, Any]) -> DayFigures | None:
    # `vol24h` is in coins.
    opened, last = exact(text(entry["open24h"])), exact(text(entry["last"]))
    if opened <= 0:
        return None
    return DayFigures(
        opened,
        exact(text(entry["high24h"])),
        exact(text(entry["low24h"])),
        exact(text(entry["vol24h"])),
        round((last / opened - 1) * 100, 3),
        from_milliseconds(whole(entry["ts"])),
        last,
    )


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Okx(settings.urls[STREAM.source.name])
