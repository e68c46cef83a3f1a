"""Alpha Vantage's `TIME_SERIES_DAILY`: the last hundred trading days of a share, unadjusted.

https://www.alphavantage.co/documentation/#daily
"""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.history_provider import HistoryEvent, HistoryProvider, HistoryRequest
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import BAD_FRAME, Call, Reply, decode, unreadable
from omcrm.feeds.providers.alpha_vantage import HISTORY, KEY
from omcrm.feeds.providers.alpha_vantage.poll import AlphaVantage
from omcrm.market.daily_bar import DailyBar, class_of_close
from omcrm.market.parsing import exact, mapping, text

_SERIES = "Time Series (Daily)"


class AlphaVantageHistory:
    """Names are tickers like `IBM`; days are those of New York."""

    source = HISTORY.source
    limits = HISTORY.limits
    reach = HISTORY.reach

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys
        self._quotes = AlphaVantage(base, keys)

    def missing(self) -> str | None:
        return self._quotes.missing()

    def api_key(self) -> str:
        return self._quotes.api_key()

    def calls(self, request: HistoryRequest) -> list[Call]:
        key = self._keys.get(KEY.env)
        return [Call(f"{self._base}/query?{_query(name, key)}", (name,)) for name in request.names]

    def parse(self, call: Call, reply: Reply, request: HistoryRequest) -> list[HistoryEvent]:
        # Refusals come with 200 as well: they are checked before any data.
        if refused := self._quotes.refused(reply, request.now):
            return [refused]
        try:
            message = mapping(decode(reply.body))
            if not message:
                return []
            symbol = request.names[call.names[0]]
            days = mapping(message[_SERIES]).items()
            bars = [
                self._candle(symbol, date.fromisoformat(day), mapping(row)) for day, row in days
            ]
            return [candle for candle in bars if request.holds(candle.day)]
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _candle(self, symbol: str, day: date, row: dict[str, Any]) -> DailyBar:
        fields = ("1. open", "2. high", "3. low", "4. close", "5. volume")
        opened, high, low, close, volume = (exact(text(row[field])) for field in fields)
        return DailyBar(
            symbol=symbol,
            day=day,
            source=self.source.name,
            price_class=class_of_close(self.source),
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=volume,
        )


def _query(symbol: str, key: str) -> str:
    # Without a paid plan only the compact size is available.
    query = {"function": "TIME_SERIES_DAILY", "symbol": symbol, "outputsize": "compact"}
    return urlencode({**query, "apikey": key})


def create(settings: FeedSettings) -> HistoryProvider:
    """The provider of these settings."""
    return AlphaVantageHistory(settings.urls[HISTORY.address], settings.keys)
