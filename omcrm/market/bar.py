"""Candles, built from the trades that were seen."""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from omcrm.market.quote import Quote
from omcrm.market.tick import Trade

TIMEFRAMES: dict[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3600,
    "4h": 14400,
    "1d": 86400,
}
"""The length of each timeframe in seconds; candles begin at whole multiples, in UTC."""

KEPT = 500
"""How many candles of each timeframe are held."""


# A source that goes back so far plays another recording.
_TURNED_BACK = timedelta(hours=1)


class Bar(Struct, frozen=True):
    """One candle; `timestamp` is its opening time, the volume what was seen of it."""

    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class _Series:
    """The candles of one symbol at one source: an open minute, and the closed ones folded."""

    def __init__(self) -> None:
        self.seq = 0
        self.counted: Trade | None = None
        self.minute: Bar | None = None
        self.until = 0.0
        self.closed: dict[str, deque[Bar]] = {
            timeframe: deque(maxlen=KEPT) for timeframe in TIMEFRAMES
        }

    def is_far_ahead(self, at: datetime) -> bool:
        """Whether the candles are of a time that their source has turned back from."""
        return self.minute is not None and self.minute.timestamp - at > _TURNED_BACK

    def add(self, trade: Trade, at: datetime) -> None:
        minute = self.minute
        if minute is None or at.timestamp() >= self.until:
            self._open(trade, at)
        elif at >= minute.timestamp:
            self.minute = structs.replace(
                minute,
                high=max(minute.high, trade.price),
                low=min(minute.low, trade.price),
                close=trade.price,
                volume=minute.volume + (trade.size or 0),
            )

    def _open(self, trade: Trade, at: datetime) -> None:
        if self.minute is not None:
            for timeframe, seconds in TIMEFRAMES.items():
                _fold(self.closed[timeframe], self.minute, seconds)
        opened, price = opening(at, TIMEFRAMES["1m"]), trade.price
        self.until = opened.timestamp() + TIMEFRAMES["1m"]
        self.minute = Bar(opened, price, price, price, price, trade.size or Decimal(0))

    def candles(self, timeframe: str) -> list[Bar]:
        folded = deque(self.closed[timeframe], maxlen=KEPT)
        if self.minute is not None:
            _fold(folded, self.minute, TIMEFRAMES[timeframe])
        return list(folded)


class BarBuilder:
    """Listens to quotes and keeps the candles of every symbol and source; thread-safe.

    Sources are kept apart: a series never mixes the prices of two.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str], _Series] = {}

    def take(self, quote: Quote) -> None:
        """Add the quote's trade, unless it was counted before or nothing was traded."""
        trade = quote.said.trade
        if trade is None or not quote.price_class.is_fresh:
            return
        key = (quote.symbol, quote.source.name)
        series = self._series.get(key)
        if series is not None and series.counted is trade:
            # Most quotes bring a new book and no new trade.
            return
        with self._lock:
            series, at = self._series.get(key), trade.time or quote.said.received_at
            if series is None or series.is_far_ahead(at):
                series = self._series[key] = _Series()
            # Publishing threads may overtake each other.
            if quote.seq <= series.seq:
                return
            series.seq = quote.seq
            if series.counted is not trade:
                series.counted = trade
                series.add(trade, at)

    def series(self, symbol: str, source: str, timeframe: str, limit: int) -> list[Bar]:
        """The last `limit` candles, oldest first; the last one may still be open."""
        with self._lock:
            series = self._series.get((symbol, source))
            return [] if series is None else series.candles(timeframe)[-limit:]

    def forget(self, symbols: Iterable[str]) -> None:
        """Drop everything that is held of these symbols."""
        gone = set(symbols)
        with self._lock:
            self._series = {
                key: series for key, series in self._series.items() if key[0] not in gone
            }


def opening(at: datetime, seconds: int) -> datetime:
    """When the candle that contains `at` opened."""
    moment = int(at.timestamp())
    return datetime.fromtimestamp(moment - moment % seconds, UTC)


def _fold(into: deque[Bar], candle: Bar, seconds: int) -> None:
    opened = opening(candle.timestamp, seconds)
    if not into or into[-1].timestamp != opened:
        into.append(structs.replace(candle, timestamp=opened))
        return
    held = into[-1]
    into[-1] = structs.replace(
        held,
        high=max(held.high, candle.high),
        low=min(held.low, candle.low),
        close=candle.close,
        volume=held.volume + candle.volume,
    )
