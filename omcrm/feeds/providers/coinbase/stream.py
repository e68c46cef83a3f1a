"""Coinbase Exchange over WebSocket: the `ticker` channel, kept alive by `heartbeat`.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from collections.abc import Iterable
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
    decode,
    unreadable,
)
from omcrm.feeds.providers.coinbase import STREAM
from omcrm.market.parsing import exact, from_iso, integer, mapping, text
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade

_CHANNELS = ["ticker", "heartbeat"]


class Coinbase(Keyless):
    """Keyless; names are products like BTC-USD."""

    source = STREAM.source
    limits = STREAM.limits

    def __init__(self, ws_url: str) -> None:
        self._url = ws_url

    def url(self) -> str:
        return self._url

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [_command("subscribe", names)]

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [_command("unsubscribe", names)]

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(mapping(decode(frame)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        match text(message["type"]):
            case "ticker":
                tick = self._ticker(message, arrival)
                return [] if tick is None else [tick]
            case "match" | "last_match":
                tick = self._match(message, arrival)
                return [] if tick is None else [tick]
            case "subscriptions":
                return [Acknowledged(None)]
            case "error":
                words = f"{message.get('message', '')} {message.get('reason', '')}"
                return [RequestRejected(0, words.strip()[:200])]
        # Heartbeats and other channels have no price, and new types may appear.
        return []

    def _ticker(self, message: dict[str, Any], arrival: FrameContext) -> Tick | None:
        symbol = arrival.names.get(text(message["product_id"]))
        if symbol is None:
            return None
        time = from_iso(message["time"])
        size = exact(message["last_size"]) if "last_size" in message else None
        trade = Trade(exact(message["price"]), size, integer(message["trade_id"]), time)
        number = integer(message["sequence"])
        book = None
        if message.get("best_bid") and message.get("best_ask"):
            book = TopOfBook(
                exact(message["best_bid"]),
                exact(message["best_ask"]),
                _size(message.get("best_bid_size")),
                _size(message.get("best_ask_size")),
                number,
            )
        return Tick(
            symbol,
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
            book=book,
            day=_day(message, trade),
        )

    def _match(self, message: dict[str, Any], arrival: FrameContext) -> Tick | None:
        symbol = arrival.names.get(text(message["product_id"]))
        if symbol is None:
            return None
        trade = Trade(
            exact(message["price"]),
            exact(message["size"]),
            integer(message["trade_id"]),
            from_iso(message["time"]),
        )
        return Tick(symbol, self.source, arrival.received_at, arrival.connection, trade=trade)


def _command(kind: str, names: Iterable[str]) -> str:
    command = {"type": kind, "product_ids": list(names), "channels": _CHANNELS}
    return msgspec.json.encode(command).decode()


def _size(value: Any) -> Any:
    return None if value is None else exact(value)


def _day(message: dict[str, Any], trade: Trade) -> DayFigures | None:
    if "open_24h" not in message:
        return None
    opened = exact(message["open_24h"])
    if opened <= 0:
        return None
    change = round((trade.price / opened - 1) * 100, 3)
    return DayFigures(
        opened,
        exact(message["high_24h"]),
        exact(message["low_24h"]),
        exact(message["volume_24h"]),
        change,
        trade.time,
    )


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Coinbase(settings.urls[STREAM.source.name])
