"""Binance's daily klines over REST.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.history_provider import HistoryEvent, HistoryProvider, HistoryRequest
from omcrm.feeds.http_refusal import refusal
from omcrm.feeds.provider import (
    BAD_FRAME,
    Call,
    Keyless,
    Reply,
    RequestRejected,
    decode,
    unreadable,
)
from omcrm.feeds.providers.binance import HISTORY
from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.parsing import exact, from_milliseconds, integer, mapping, sequence, text
from omcrm.market.source import Source

_BAD_REQUEST = 400
_LONGEST = 200


class BinanceHistory(Keyless):
    """Names are pairs like `btcusdt`; days are those of UTC."""

    limits = HISTORY.limits
    reach = HISTORY.reach

    def __init__(self, base: str, source: Source = HISTORY.source) -> None:
        self.source = source
        self._base = base

    def calls(self, request: HistoryRequest) -> list[Call]:
        span = {"startTime": _opening(request.first), "endTime": _opening(request.last)}
        return [
            Call(f"{self._base}/api/v3/klines?{_query(name.upper(), span)}", (name,))
            for name in request.names
        ]

    def parse(self, call: Call, reply: Reply, request: HistoryRequest) -> list[HistoryEvent]:
        try:
            message = decode(reply.body)
            if reply.status == _BAD_REQUEST:
                # Such as an unknown pair.
                problem = mapping(message)
                return [RequestRejected(integer(problem["code"]), text(problem["msg"])[:_LONGEST])]
            if denied := refusal(reply):
                return [denied]
            symbol = request.names[call.names[0]]
            rows = [sequence(entry) for entry in sequence(message)]
            return [self._candle(symbol, row) for row in rows if request.holds(_day(row[0]))]
        except BAD_FRAME as error:
            return [refusal(reply) or unreadable(error)]

    def _candle(self, symbol: str, row: list[Any]) -> DailyBar:
        opened, high, low, close, volume = (exact(text(number)) for number in row[1:6])
        return DailyBar(
            symbol=symbol,
            day=_day(row[0]),
            source=self.source.name,
            price_class=class_of_close(self.source),
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=volume,
        )


def _query(symbol: str, span: dict[str, int]) -> str:
    return urlencode({"symbol": symbol, "interval": "1d", **span, "limit": HISTORY.reach})


def _opening(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _day(opening: Any) -> date:
    return from_milliseconds(opening).date()


def create(settings: FeedSettings) -> HistoryProvider:
    """The provider of these settings."""
    return BinanceHistory(settings.urls[HISTORY.address])
