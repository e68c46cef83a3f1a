"""A candle that trades are added to."""

from collections.abc import Iterable

from msgspec import Struct

from omcrm.exchange.interval import opening
from omcrm.exchange.trade import Trade

NO_TRADE = -1


class Candle(Struct):
    """One candle: prices and volumes in 1e-8, quote volumes in 1e-16, `time` of opening in ms."""

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

    def add(self, trade: Trade) -> None:
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

    def join(self, later: "Candle") -> None:
        """Take in the candle that follows this one."""
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


def empty(time: int, price: int) -> Candle:
    """Give a candle without trades at the price before it."""
    return Candle(time, price, price, price, price)


def grouped(candles: Iterable[Candle], interval: str) -> list[Candle]:
    """Give the candles of a longer interval, from shorter ones that follow each other."""
    groups: list[Candle] = []
    for candle in candles:
        time = opening(interval, candle.time)
        if not groups or groups[-1].time != time:
            groups.append(empty(time, candle.open))
        groups[-1].join(candle)
    return groups


def by_second(trades: Iterable[Trade]) -> list[Candle]:
    """Give candles of one second, a quiet second being an empty candle."""
    candles: list[Candle] = []
    for trade in trades:
        time = opening("1s", trade.time)
        while candles and candles[-1].time < time - 1000:
            candles.append(empty(candles[-1].time + 1000, candles[-1].close))
        if not candles or candles[-1].time < time:
            candles.append(empty(time, trade.price))
        candles[-1].add(trade)
    return candles
