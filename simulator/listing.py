"""The state of one symbol: trades, best prices, book, history."""

from collections import deque

from msgspec import Struct

from simulator.bar_history import BarHistory
from simulator.interval import DAY, INTERVALS_OF_DAYS, opening
from simulator.simulated_bar import SimulatedBar, by_second, grouped
from simulator.simulated_book import SimulatedBook
from simulator.simulated_trade import SimulatedTrade, Top

RECENT_TRADES = 500


class DaySummary(Struct, frozen=True):
    """The rolling 24 hours of one symbol; `bar` adds them up, times in ms."""

    bar: SimulatedBar
    price_before: int
    last: SimulatedTrade
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
        self.trades: deque[SimulatedTrade] = deque(maxlen=RECENT_TRADES)
        self.top: Top | None = None
        self.book = SimulatedBook()
        self.history = BarHistory()
        self.first_time: int | None = None
        self.changed = False

    @property
    def last(self) -> SimulatedTrade | None:
        """The newest trade."""
        return self.trades[-1] if self.trades else None

    def record(self, trade: SimulatedTrade) -> None:
        """Add a trade, the newest."""
        if self.first_time is None:
            self.first_time = trade.time
        self.trades.append(trade)
        self.history.record(trade)
        self.changed = True

    def quote_at(self, top: Top) -> None:
        """Set the best bid and ask."""
        self.top = top
        self.changed = True

    def day(self, now: int) -> DaySummary | None:
        """Return the figures of the 24 hours before `now`; None before the first trade."""
        bar, last = self.history.window(), self.last
        if bar is None or last is None:
            return None
        before = self.history.price_before
        return DaySummary(
            bar=bar,
            price_before=bar.open if before is None else before,
            last=last,
            open_time=max(self.first_time or 0, now - DAY),
            close_time=now,
        )

    def bars(self, interval: str, since: int = 0) -> list[SimulatedBar]:
        """Return the bars of `interval` that open at `since` or later, the open one last."""
        if interval == "1s":
            bars = by_second(self.trades)
            return [bar for bar in bars if bar.time >= since]
        begin = opening(interval, since)
        of_days = interval in INTERVALS_OF_DAYS
        return grouped(
            self.history.by_day(begin) if of_days else self.history.minutes(begin), interval
        )
