"""CoinGecko's `ohlc`, whose candles of four hours make the days of the last month.

https://docs.coingecko.com/reference/coins-id-ohlc
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.history_provider import HistoryEvent, HistoryProvider, HistoryRequest
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    BAD_FRAME,
    AccessDenied,
    Call,
    Keyless,
    Reply,
    RequestRejected,
    decode,
    unreadable,
)
from omcrm.feeds.providers.coingecko import HISTORY, KEY
from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.parsing import exact, from_milliseconds, mapping, sequence

# The allowed numbers of days; for more than thirty the candles are of four days.
_CHOICES = (7, 14, 30)
_CANDLE = timedelta(hours=4)
_A_DAY = timedelta(days=1) // _CANDLE
_NOT_FOUND = 404
_LONGEST = 200

_Row: TypeAlias = tuple[Decimal, Decimal, Decimal, Decimal]


class CoinGeckoHistory(Keyless):
    """Names are ids like `bitcoin`; prices are averages in dollars, and there is no volume."""

    source = HISTORY.source
    limits = HISTORY.limits
    reach = HISTORY.reach

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys

    def api_key(self) -> str:
        return self._keys.get(KEY.env)

    def calls(self, request: HistoryRequest) -> list[Call]:
        key = self._keys.get(KEY.env)
        headers = {"x-cg-demo-api-key": key} if key else {}
        back = (request.now.astimezone(UTC).date() - request.first).days
        days = next((choice for choice in _CHOICES if choice > back), _CHOICES[-1])
        query = urlencode({"vs_currency": "usd", "days": days})
        return [
            Call(f"{self._base}/coins/{quote(name, safe='')}/ohlc?{query}", (name,), headers)
            for name in request.names
        ]

    def parse(self, call: Call, reply: Reply, request: HistoryRequest) -> list[HistoryEvent]:
        if reply.status == _NOT_FOUND:
            return [RequestRejected(reply.status, "no such coin")]
        if denied := refusal(reply):
            return [denied]
        try:
            message = decode(reply.body)
            if isinstance(message, dict):
                words = str(mapping(message["status"]).get("error_message", ""))
                return [AccessDenied(429, words[:_LONGEST])]
            return self._read(request.names[call.names[0]], sequence(message), request)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, symbol: str, rows: list[Any], request: HistoryRequest) -> list[HistoryEvent]:
        by_end = {from_milliseconds(row[0]): _row(row) for row in map(sequence, rows)}
        events: list[HistoryEvent] = []
        for day in request.days():
            parts = [by_end[end] for end in _ends(day) if end in by_end]
            # An incomplete day may have another open, high or low.
            if len(parts) == _A_DAY:
                events.append(self._candle(symbol, day, parts))
        return events

    def _candle(self, symbol: str, day: date, parts: list[_Row]) -> DailyBar:
        opens, highs, lows, closes = zip(*parts, strict=True)
        return DailyBar(
            symbol=symbol,
            day=day,
            source=self.source.name,
            price_class=class_of_close(self.source),
            open=opens[0],
            high=max(highs),
            low=min(lows),
            close=closes[-1],
        )


def _ends(day: date) -> list[datetime]:
    """The ends of a day's candles, which identify them."""
    begin = datetime.combine(day, time(), UTC)
    return [begin + number * _CANDLE for number in range(1, _A_DAY + 1)]


def _row(row: list[Any]) -> _Row:
    opened, high, low, close = (exact(number) for number in row[1:5])
    return opened, high, low, close


def create(settings: FeedSettings) -> HistoryProvider:
    """The provider of these settings."""
    return CoinGeckoHistory(settings.urls[HISTORY.address], settings.keys)
