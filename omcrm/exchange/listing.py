"""One symbol as the exchange knows it: trades, best prices, book, history."""

from collections import deque

from msgspec import Struct

from omcrm.exchange.book import Book
from omcrm.exchange.candle import Candle, by_second, grouped
from omcrm.exchange.history import History
from omcrm.exchange.interval import DAY, INTERVALS_OF_DAYS, opening
from omcrm.exchange.trade import Top, Trade

RECENT_TRADES = 500


class Day(Struct, frozen=True):
    """The rolling 24 hours of one symbol: `candle` sums them up, times in ms."""

    candle: Candle
    price_before: int
    last: Trade
    open_time: int
    close_time: int


class Listing:
    """The state of one symbol; `tick` and `step` are its smallest price and quantity, in 1e-8."""

    def __init__(self, symbol: str, base: str, quote: str, *, tick: int = 1, step: int = 1) -> None:
        self.symbol = symbol
        self.stream = symbol.lower()
        self.base = base
        self.quote = quote
        self.tick = tick
        self.step = step
        self.status = "TRADING"
        self.trades: deque[Trade] = deque(maxlen=RECENT_TRADES)
        self.top: Top | None = None
        self.book = Book()
        self.history = History()
        self.first_time: int | None = None
        self.changed = False

    @property
    def last(self) -> Trade | None:
        """The newest trade."""
        return self.trades[-1] if self.trades else None

    def record(self, trade: Trade) -> None:
        """Take in a trade, the newest."""
        if self.first_time is None:
            self.first_time = trade.time
        self.trades.append(trade)
        self.history.record(trade)
        self.changed = True

    def quote_at(self, top: Top) -> None:
        """Take in a new best bid and ask."""
        self.top = top
        self.changed = True

    def day(self, now: int) -> Day | None:
        """Give the figures of the 24 hours before `now`; None before the first trade."""
        candle, last = self.history.window(), self.last
        if candle is None or last is None:
            return None
        before = self.history.price_before
        return Day(
            candle=candle,
            price_before=candle.open if before is None else before,
            last=last,
            open_time=max(self.first_time or 0, now - DAY),
            close_time=now,
        )

    def candles(self, interval: str, since: int = 0) -> list[Candle]:
        """Give the candles of `interval` that begin at `since` or later, the open one last."""
        if interval == "1s":
            candles = by_second(self.trades)
            return [candle for candle in candles if candle.time >= since]
        begin = opening(interval, since)
        of_days = interval in INTERVALS_OF_DAYS
        return grouped(
            self.history.by_day(begin) if of_days else self.history.minutes(begin), interval
        )
