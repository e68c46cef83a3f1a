"""One symbol's last 24 hours by the minute and its days, kept in columns so that many symbols stay
small."""

from array import array
from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

from msgspec.structs import astuple

from simulator.column import WideColumn
from simulator.interval import DAY, MINUTE
from simulator.simulated_bar import SimulatedBar, empty
from simulator.simulated_trade import SimulatedTrade

MINUTES_A_DAY = 1440
DAYS = 400
# Quote volumes, counted in 1e-16, do not fit 64 bits.
WIDE_FIELDS = frozenset({"quote", "taker_quote"})
FIELDS = SimulatedBar.__struct_fields__[1:]

# A string, because Python 3.11 cannot subscript array at run time.
Column: TypeAlias = "array[int] | WideColumn"


class BarHistory:
    """Closed minutes without gaps, the open minute, and the 24-hour figures they add up to."""

    def __init__(self) -> None:
        self.current: SimulatedBar | None = None
        self._columns: list[Column] = [
            WideColumn() if field in WIDE_FIELDS else array("q") for field in FIELDS
        ]
        self._closed: SimulatedBar | None = None
        self.price_before: int | None = None
        self.days: deque[SimulatedBar] = deque(maxlen=DAYS)

    def __len__(self) -> int:
        return len(self._columns[0])

    def record(self, trade: SimulatedTrade) -> None:
        """Add one trade; a trade of a minute that has closed counts in the open one."""
        minute = trade.time // MINUTE * MINUTE
        if self.current is None:
            self.current = empty(minute, trade.price)
        elif minute > self.current.time:
            self.advance(minute)
        self.current.add(trade)

    def advance(self, now: int) -> None:
        """Close the minutes that ended before `now`; minutes without trades become empty bars."""
        if self.current is None:
            return
        minute = now // MINUTE * MINUTE
        if minute - self.current.time > MINUTES_A_DAY * MINUTE:
            self._restart(minute)
        while self.current.time < minute:
            self.append(self.current)
            self.current = empty(self.current.time + MINUTE, self.current.close)

    def append(self, bar: SimulatedBar) -> None:
        """Add a closed minute, which must follow the last one."""
        for column, value in zip(self._columns, astuple(bar)[1:], strict=True):
            column.append(value)
        self._join_day(bar)
        if len(self) >= MINUTES_A_DAY:
            self.price_before = self._columns[3][0]
            for column in self._columns:
                del column[0]
        self._closed = None

    def minutes(self, since: int = 0) -> Iterator[SimulatedBar]:
        """Return the minutes that begin at `since` or later, oldest first, the open one last."""
        if self.current is None:
            return
        time = self.current.time - len(self) * MINUTE
        skipped = min(max(0, -((time - since) // MINUTE)), len(self))
        time += skipped * MINUTE
        for values in zip(*(column[skipped:] for column in self._columns), strict=True):
            yield SimulatedBar(time, *values)
            time += MINUTE
        yield self.current

    def by_day(self, since: int = 0) -> Iterator[SimulatedBar]:
        """Return the days (UTC) held that begin at `since` or later, oldest first.

        The open minute comes last, as a bar of its own.
        """
        yield from (day for day in self.days if day.time >= since)
        if self.current is not None:
            yield self.current

    def window(self) -> SimulatedBar | None:
        """Return the rolling 24 hours as one bar; None before the first trade."""
        if self.current is None:
            return None
        if self._closed is None:
            self._closed = self._sum_closed()
        window = SimulatedBar(*astuple(self._closed))
        window.join(self.current)
        return window

    def _join_day(self, minute: SimulatedBar) -> None:
        day = minute.time // DAY * DAY
        if not self.days or self.days[-1].time != day:
            self.days.append(empty(day, minute.open))
        self.days[-1].join(minute)

    def _restart(self, minute: int) -> None:
        close = self.current.close if self.current else 0
        for column in self._columns:
            del column[:]
        self.price_before = close
        self.current = empty(minute, close)
        self._closed = None

    def _sum_closed(self) -> SimulatedBar:
        column = dict(zip(FIELDS, self._columns, strict=True))
        start = next((index for index, count in enumerate(column["count"][:]) if count), None)
        if start is None:
            return next(self.minutes()) if len(self) else _unopened(self.current)
        # A minute without trades repeats the price before it, so from the first trade on no
        # price in these columns is from outside the window.
        return SimulatedBar(
            time=0,
            open=column["open"][start],
            high=max(column["high"][start:]),
            low=min(column["low"][start:]),
            close=column["close"][-1],
            volume=sum(column["volume"][:]),
            quote=sum(column["quote"][:]),
            count=sum(column["count"][:]),
            taker_volume=sum(column["taker_volume"][:]),
            taker_quote=sum(column["taker_quote"][:]),
            first_id=column["first_id"][start],
            last_id=max(column["last_id"][:]),
        )


def _unopened(bar: SimulatedBar | None) -> SimulatedBar:
    return empty(0, bar.open if bar else 0)
