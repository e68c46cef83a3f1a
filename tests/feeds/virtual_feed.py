"""A source whose ticks, clocks and delays are known exactly, on a virtual clock."""

import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.feeds.own_clock import OwnClock
from omcrm.feeds.source_clock import SourceClock
from omcrm.feeds.timing import FeedClock
from omcrm.market.source import Source
from omcrm.market.tick import Tick, Trade
from tests.values import BINANCE, after, book, trade

_INTERVAL = 0.05

Course = Callable[[float], float]
"""Gives seconds at a second of the true time."""


class VirtualClock(Struct):
    """The true time in seconds; this machine's clock is `ahead` of it."""

    now: float = 0.0
    ahead: float = 0.0

    def wall(self) -> datetime:
        """What this machine's clock shows."""
        return after(self.now + self.ahead)

    def own(self) -> OwnClock:
        """This machine's clock as the feeds know it."""
        return OwnClock(self.wall, VirtualFeedClock(clock=self))


class VirtualFeedClock(FeedClock, frozen=True, kw_only=True):
    """The true time as a feed clock."""

    clock: VirtualClock

    @property
    def since_boot(self) -> Callable[[], float]:
        return lambda: self.clock.now


class Received(Struct, frozen=True):
    """A tick with its latency: when it arrived, how old it truly was, whether its time is wrong."""

    at: float
    age: float
    is_wrong: bool
    tick: Tick

    @property
    def late(self) -> float:
        return self.tick.late.total_seconds()

    @property
    def hidden(self) -> float:
        """How much older it was than it seems."""
        return self.age - self.late


class VirtualFeed:
    """One source: a connection that falls behind lastingly is replaced by another.

    It sends `rate` ticks a second, in order. `ahead` gives by how much its clock is ahead of the
    true time, `delay` how long a connection (by its number) holds frames now. Of the ticks, the
    part `outliers` has a wrong time, by up to a minute either way, but never two in a row.
    """

    def __init__(
        self,
        clock: VirtualClock,
        own: OwnClock,
        seed: int = 1,
        source: Source = BINANCE,
        *,
        ahead: Course = lambda now: 0.0,
        delay: Callable[[float, int], float] = lambda now, connection: 0.0,
        rate: float = 10.0,
        symbols: tuple[str, ...] = ("BTC", "ETH", "SOL"),
        outliers: float = 0.0,
    ) -> None:
        self.clock = clock
        self.received: list[Received] = []
        self.reconnected_at: list[float] = []
        self.source_clock = SourceClock(source.name, own)
        self._own = own
        self._source = source
        self._chance = random.Random(seed)
        self._ahead = ahead
        self._delay = delay
        self._rate = rate
        self._symbols = symbols
        self._outliers = outliers
        self._latency = FeedLatency(self.source_clock)
        # What is on its way: when it may arrive, when it was sent, its symbol, what is wrong.
        self._frames: deque[tuple[float, float, str, float]] = deque()
        self._sends_at = clock.now
        self._was_outlier = False

    def step(self) -> None:
        """Send and receive what is due."""
        now, chance = self.clock.now, self._chance
        while self._sends_at <= now:
            is_outlier = not self._was_outlier and chance.random() < self._outliers
            wrong, self._was_outlier = chance.uniform(-60, 60) if is_outlier else 0.0, is_outlier
            transit = 0.05 + min(chance.expovariate(20), 0.5)
            frame = (self._sends_at + transit, self._sends_at, chance.choice(self._symbols), wrong)
            self._frames.append(frame)
            self._sends_at += chance.expovariate(self._rate)
        connection = len(self.reconnected_at) + 1
        delay = self._delay(now, connection)
        while self._frames and self._frames[0][0] + delay <= now:
            _, sent, symbol, wrong = self._frames.popleft()
            self._receive(sent, symbol, wrong, connection)

    def compare(self) -> None:
        """What its supervisor does now and then."""
        offset = self._latency.offset(self.clock.now)
        self.source_clock.compare(offset, self.clock.now)

    def _receive(self, sent: float, symbol: str, wrong: float, connection: int) -> None:
        received_at, now = self._own.read()
        trade = Trade(Decimal(1), time=after(sent + self._ahead(sent) + wrong))
        tick = Tick(symbol, self._source, received_at, connection, trade)
        tick = tick.dated(self._latency.measure(tick.stamp, now))
        self.received.append(Received(now, now - sent, wrong != 0.0, tick))
        if tick.late and self._latency.is_lasting(now):
            self._latency.note_replacement(now)
            self.reconnected_at.append(now)
            self._latency = FeedLatency(self.source_clock)
            self._frames.clear()


def play(feeds: list[VirtualFeed], seconds: float, own_ahead: Course = lambda now: 0.0) -> None:
    """Let time pass; `own_ahead` gives by how much this machine's clock is ahead."""
    clock = feeds[0].clock
    for number in range(round(seconds / _INTERVAL)):
        clock.now += _INTERVAL
        clock.ahead = own_ahead(clock.now)
        for feed in feeds:
            feed.step()
            if number % 6 == 0:
                feed.compare()


class Connection:
    """One connection; `source_clock` is what its source's connections know together."""

    def __init__(
        self, source_clock: SourceClock | None = None, clock: VirtualClock | None = None
    ) -> None:
        self.clock = clock or VirtualClock()
        self.source_clock = source_clock or SourceClock("binance", self.clock.own())
        self.feed_latency = FeedLatency(self.source_clock)
        self._trades = 0

    def receive(self, at: float, transit: float | None, symbol: str = "BTC", **parts: Any) -> Tick:
        """Receive a tick at second `at`, after `transit` seconds by both clocks; a trade of a
        price of its own, else the `parts`. Without a transit it has no time."""
        self.clock.now = max(at, self.clock.now)
        received_at, now = self.source_clock.own.read()
        if transit is not None:
            self._trades += 1
            time = received_at - timedelta(seconds=transit)
            parts = {"trade": trade(str(self._trades), time=time)}
        tick = Tick(symbol, BINANCE, received_at, 1, **(parts or {"book": book("1", "2")}))
        return tick.dated(self.feed_latency.measure(tick.stamp, now))

    def latency(self, at: float, transit: float | None, symbol: str = "BTC") -> float:
        """The latency of a tick, negative for one from the future."""
        tick = self.receive(at, transit, symbol)
        return round((tick.late - tick.ahead).total_seconds(), 3)

    def warm_up(self, transit: float = 0.1) -> "Connection":
        """Receive ticks for ten seconds, so that the usual transit is known."""
        for number in range(100):
            self.receive(number / 10, transit)
        return self
