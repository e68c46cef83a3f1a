"""Coinbase Exchange's daily candles over REST.

https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproductcandles
"""

from typing import Any
from urllib.parse import quote, urlencode

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
from omcrm.feeds.providers.coinbase import HISTORY
from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.parsing import exact, from_seconds, mapping, sequence, text

_SECONDS = 86_400
_NOT_FOUND = (400, 404)
_LONGEST = 200


class CoinbaseHistory(Keyless):
    """Names are products like `BTC-USD`; days are those of UTC."""

    source = HISTORY.source
    limits = HISTORY.limits
    reach = HISTORY.reach

    def __init__(self, base: str) -> None:
        self._base = base

    def calls(self, request: HistoryRequest) -> list[Call]:
        span = {"start": f"{request.first}T00:00:00Z", "end": f"{request.last}T00:00:00Z"}
        query = urlencode({"granularity": _SECONDS, **span})
        return [
            Call(f"{self._base}/products/{quote(name, safe='')}/candles?{query}", (name,))
            for name in request.names
        ]

    def parse(self, call: Call, reply: Reply, request: HistoryRequest) -> list[HistoryEvent]:
        try:
            message = decode(reply.body)
            if reply.status in _NOT_FOUND:
                return [RequestRejected(reply.status, text(mapping(message)["message"])[:_LONGEST])]
            if denied := refusal(reply):
                return [denied]
            symbol = request.names[call.names[0]]
            bars = [self._candle(symbol, sequence(row)) for row in sequence(message)]
            return [candle for candle in bars if request.holds(candle.day)]
        except BAD_FRAME as error:
            return [refusal(reply) or unreadable(error)]

    def _candle(self, symbol: str, row: list[Any]) -> DailyBar:
        # The low comes before the high.
        low, high, opened, close, volume = (exact(number) for number in row[1:6])
        return DailyBar(
            symbol=symbol,
            day=from_seconds(row[0]).date(),
            source=self.source.name,
            price_class=class_of_close(self.source),
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=volume,
        )


def create(settings: FeedSettings) -> HistoryProvider:
    """The provider of these settings."""
    return CoinbaseHistory(settings.urls[HISTORY.address])
