"""Bars, built from the trades, or in quote-driven markets the mids, that were received."""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from omcrm.market.quote import PriceBasis, Quote

Timeframe: TypeAlias = Literal["1m", "5m", "15m", "1h", "4h", "1d"]
"""The length of a bar, as programs and pages name it."""

TIMEFRAMES: dict[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3600,
    "4h": 14400,
    "1d": 86400,
}
"""The length of each timeframe in seconds; bars begin at whole multiples, in UTC."""

KEPT = 500
"""How many bars of each timeframe are held."""


# A source whose time goes back so far plays another recording.
_TURNED_BACK = timedelta(hours=1)


class Bar(Struct, frozen=True):
    """One bar; `timestamp` is its open time, `volume` that of the trades received.

    Prices are of trades that set the last price, high and low also of those that only may be one.
    `price_basis` is what they are: trades, or mids, which have no volume.
    """

    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    price_basis: PriceBasis = PriceBasis.TRADE


class _Series:
    """The bars of one symbol at one source: an open minute, and the closed ones folded."""

    def __init__(self) -> None:
        self.seq = 0
        self.counted = 0
        self.price: Decimal | None = None
        # The minute before the last trade, while that can be taken back.
        self.before: Bar | None = None
        self.may_take_back = False
        self.minute: Bar | None = None
        self.until = 0.0
        self.closed: dict[str, deque[Bar]] = {
            timeframe: deque(maxlen=KEPT) for timeframe in TIMEFRAMES
        }

    def is_far_ahead(self, at: datetime) -> bool:
        """Whether the bars are of a time that their source has gone back from."""
        return self.minute is not None and self.minute.timestamp - at > _TURNED_BACK

    def count(self, quote: Quote, at: datetime) -> None:
        """Add the quote's trade, unless it was added; remove one that was taken back."""
        counted, price, number = self.counted, self.price, quote.trade_number
        self.counted, self.price = number, quote.last
        if number not in (counted, counted - 1):
            self.add(quote, at)
        elif number < counted:
            self._take_back()
        elif quote.last != price:
            # The last trade was corrected.
            self._take_back()
            self.add(quote, at)
        if quote.ineligible_time is not None:
            self._add_ineligible(quote, quote.ineligible_time)

    def add(self, quote: Quote, at: datetime) -> None:
        price, minute = quote.last, self.minute
        self.before, self.may_take_back = minute, True
        if minute is None or at.timestamp() >= self.until:
            self.before = None
            self._open(quote, at)
        elif at >= minute.timestamp:
            self.minute = structs.replace(
                minute,
                high=max(minute.high, price),
                low=min(minute.low, price),
                close=price,
                volume=minute.volume + (quote.last_size or 0),
                price_basis=quote.price_basis,
            )

    def _open(self, quote: Quote, at: datetime) -> None:
        if self.minute is not None:
            for timeframe, seconds in TIMEFRAMES.items():
                _fold(self.closed[timeframe], self.minute, seconds)
        opened = opening(at, TIMEFRAMES["1m"])
        self.until = opened.timestamp() + TIMEFRAMES["1m"]
        price, volume = quote.last, quote.last_size or Decimal(0)
        self.minute = Bar(opened, price, price, price, price, volume, quote.price_basis)

    def _take_back(self) -> None:
        if self.may_take_back:
            self.minute, self.before, self.may_take_back = self.before, None, False

    def _add_ineligible(self, quote: Quote, at: datetime) -> None:
        """Add a trade that does not set the last price to the open minute, if it is of that."""
        minute = self.minute
        if minute is None or not minute.timestamp.timestamp() <= at.timestamp() < self.until:
            return
        self.minute = _with_ineligible(minute, quote)
        if self.before is not None:
            self.before = _with_ineligible(self.before, quote)

    def bars(self, timeframe: str) -> list[Bar]:
        folded = deque(self.closed[timeframe], maxlen=KEPT)
        if self.minute is not None:
            _fold(folded, self.minute, TIMEFRAMES[timeframe])
        return list(folded)


class BarBuilder:
    """Builds bars of every symbol and source from quotes; thread-safe.

    Sources are kept apart: a series never mixes the prices of two.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[tuple[str, str], _Series] = {}

    def take(self, quote: Quote) -> None:
        """Add the quote's trade or mid, unless it was added before."""
        if not quote.price_class.is_fresh:
            return
        key = (quote.symbol, quote.source.name)
        series = self._series.get(key)
        if (
            series is not None
            and series.counted == quote.trade_number
            and series.price is quote.last
            and quote.ineligible_time is None
        ):
            # Most quotes bring a new book and no new trade.
            return
        with self._lock:
            series, at = self._series.get(key), quote.provider_time or quote.received_at
            if series is None or series.is_far_ahead(at):
                series = self._series[key] = _Series()
            # Publishing threads may overtake each other.
            if quote.seq <= series.seq:
                return
            series.seq = quote.seq
            series.count(quote, at)

    def series(self, symbol: str, source: str, timeframe: str, limit: int) -> list[Bar]:
        """The last `limit` bars, oldest first; the last one may still be open."""
        with self._lock:
            series = self._series.get((symbol, source))
            return [] if series is None else series.bars(timeframe)[-limit:]

    def forget(self, symbols: Iterable[str]) -> None:
        """Drop everything that is held of these symbols."""
        gone = set(symbols)
        with self._lock:
            self._series = {
                key: series for key, series in self._series.items() if key[0] not in gone
            }


def opening(at: datetime, seconds: int) -> datetime:
    """The open time of the bar that contains `at`."""
    moment = int(at.timestamp())
    return datetime.fromtimestamp(moment - moment % seconds, UTC)


def _with_ineligible(bar: Bar, quote: Quote) -> Bar:
    price = quote.ineligible_price
    return structs.replace(
        bar,
        high=bar.high if price is None else max(bar.high, price),
        low=bar.low if price is None else min(bar.low, price),
        volume=bar.volume + (quote.ineligible_size or 0),
    )


def _fold(into: deque[Bar], bar: Bar, seconds: int) -> None:
    opened = opening(bar.timestamp, seconds)
    if not into or into[-1].timestamp != opened:
        into.append(structs.replace(bar, timestamp=opened))
        return
    held = into[-1]
    into[-1] = structs.replace(
        held,
        high=max(held.high, bar.high),
        low=min(held.low, bar.low),
        close=bar.close,
        volume=held.volume + bar.volume,
        price_basis=bar.price_basis,
    )
