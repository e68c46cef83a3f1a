"""Finnhub over WebSocket: trades of shares and coins, with a key.

https://finnhub.io/docs/api/websocket-trades
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import (
    BAD_FRAME,
    Event,
    FrameContext,
    StreamProvider,
    decode,
    unknown_conditions,
    unreadable,
)
from omcrm.feeds.providers.finnhub import STREAM
from omcrm.feeds.providers.finnhub.account import FinnhubAccount
from omcrm.feeds.providers.finnhub.conditions import CONDITIONS
from omcrm.market.parsing import exact, from_milliseconds, integer, mapping, sequence, text
from omcrm.market.tick import Tick, Trade
from omcrm.market.trade_condition import updates_of


class Finnhub(FinnhubAccount):
    """Names are AAPL, BINANCE:BTCUSDT, OANDA:EUR_USD.

    Nothing is acknowledged, and an unknown name gets no answer. A second connection with the same
    key ends both.
    """

    source = STREAM.source
    limits = STREAM.limits
    authenticates = False

    def url(self) -> str:
        return f"{self.base}?{urlencode({'token': self.api_key()})}"

    def opening(self) -> list[str]:
        return []

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [_command("subscribe", name) for name in names]

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [_command("unsubscribe", name) for name in names]

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(mapping(decode(frame)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> Sequence[Event]:
        match text(message["type"]):
            case "trade":
                return self._ticks(sequence(message["data"]), arrival)
            case "error":
                return [self.refused(message["msg"])]
        # A ping needs no answer, and new types may appear.
        return []

    def _ticks(self, trades: list[Any], arrival: FrameContext) -> list[Event]:
        followed = [trade for trade in map(mapping, trades) if text(trade["s"]) in arrival.names]
        # They come in any order, and an older one after a newer one is rejected. None is left
        # out, not even an equal one: trades have no number, and candles count all of them.
        followed.sort(key=lambda entry: integer(entry["t"]))
        events: list[Event] = []
        for trade in followed:
            codes = _conditions(trade)
            events.append(self._tick(trade, codes, arrival))
            events += unknown_conditions(codes, CONDITIONS)
        return events

    def _tick(self, entry: dict[str, Any], codes: list[str], arrival: FrameContext) -> Tick:
        trade = Trade(
            exact(entry["p"]),
            _size(entry.get("v")),
            time=from_milliseconds(entry["t"]),
            updates=updates_of(codes, CONDITIONS),
        )
        return Tick(
            arrival.names[entry["s"]],
            self.source,
            arrival.received_at,
            arrival.connection,
            trade=trade,
        )


def _command(kind: str, name: str) -> str:
    return msgspec.json.encode({"type": kind, "symbol": name}).decode()


def _conditions(entry: dict[str, Any]) -> list[str]:
    """The conditions of a trade; none, null and an empty list are the same."""
    return [text(code) for code in sequence(entry.get("c") or [])]


def _size(value: Any) -> Decimal | None:
    """The size; None for 0, which venues without trades send with a new price."""
    size = None if value is None else exact(value)
    return size or None


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Finnhub(settings.urls[STREAM.source.name], settings.keys)
