"""An OHLCV bar that trades are added to."""

from collections.abc import Iterable

from msgspec import Struct

from simulator.interval import opening
from simulator.simulated_trade import SimulatedTrade

NO_TRADE = -1


class SimulatedBar(Struct):
    """One bar: prices and volumes in 1e-8, quote volumes in 1e-16, open `time` in ms."""

    time: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    quote: int = 0
    count: int = 0
    taker_volume: int = 0
    taker_quote: int = 0
    first_id: int = NO_TRADE
    last_id: int = NO_TRADE

    def add(self, trade: SimulatedTrade) -> None:
        """Add one trade, the newest."""
        if self.count == 0:
            self.open = self.high = self.low = trade.price
            self.first_id = trade.id
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.close = trade.price
        self.volume += trade.quantity
        self.quote += trade.quote
        self.count += 1
        self.last_id = trade.id
        if not trade.buyer_is_maker:
            self.taker_volume += trade.quantity
            self.taker_quote += trade.quote

    def join(self, later: "SimulatedBar") -> None:
        """Add the bar that follows this one."""
        if later.count == 0:
            return
        if self.count == 0:
            self.open, self.high, self.low = later.open, later.high, later.low
            self.first_id = later.first_id
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote += later.quote
        self.count += later.count
        self.taker_volume += later.taker_volume
        self.taker_quote += later.taker_quote
        self.last_id = later.last_id


def empty(time: int, price: int) -> SimulatedBar:
    """Return a bar without trades at the previous price."""
    return SimulatedBar(time, price, price, price, price)


def grouped(bars: Iterable[SimulatedBar], interval: str) -> list[SimulatedBar]:
    """Return the bars of a longer interval from consecutive shorter ones."""
    groups: list[SimulatedBar] = []
    for bar in bars:
        time = opening(interval, bar.time)
        if not groups or groups[-1].time != time:
            groups.append(empty(time, bar.open))
        groups[-1].join(bar)
    return groups


def by_second(trades: Iterable[SimulatedTrade]) -> list[SimulatedBar]:
    """Return bars of one second; a second without trades is an empty bar."""
    bars: list[SimulatedBar] = []
    for trade in trades:
        time = opening("1s", trade.time)
        while bars and bars[-1].time < time - 1000:
            bars.append(empty(bars[-1].time + 1000, bars[-1].close))
        if not bars or bars[-1].time < time:
            bars.append(empty(time, trade.price))
        bars[-1].add(trade)
    return bars
