"""A rate tier with a test clock and a subscriber."""

import math
from collections.abc import Iterable, Iterator
from functools import cache

from omcrm.market.quote import Quote
from omcrm.streaming.rate_tier import Batch, BatchEncoder, IsAlike, RateTier, Subscriber
from tests.values import quote, trade

# A power of two, so that times can be compared exactly.
WINDOW = 0.125
# Any time long after 0.
NOON = 4096.0

SYMBOLS = ("BTC", "ETH", "SOL")


@cache
def price(seq: int, symbol: str = "BTC", number: str = "1") -> Quote:
    return quote(trade(number, seq), symbol=symbol, seq=seq)


def same_price(one: Quote, other: Quote) -> bool:
    return one.last == other.last


class NullSink:
    """Accepts everything."""

    def try_send(self, state: Batch) -> bool:
        return True

    def direct(self) -> None:
        """None."""

    def on_ready(self, ready_callback: object) -> None:
        """Ignored: it is always ready."""


def subscriber(encoder: BatchEncoder | None = None) -> Subscriber:
    return Subscriber(NullSink(), encoder or BatchEncoder(str))


class TimedTier:
    """A tier with a subscriber, the known quotes and a record of what was sent."""

    def __init__(
        self,
        is_alike: IsAlike = lambda one, other: False,
        watched: str = "BTC ETH SOL",
        window: float = WINDOW,
    ):
        self.tier = RateTier(window, "epoch", is_alike)
        self.known: dict[str, Quote] = {}
        self.flushes = 0
        self.sent: list[tuple[float, str, int]] = []
        self.viewer = subscriber()
        self.tier.set_symbols(self.viewer, frozenset(watched.split()))

    def note(self, now: float, *quotes: Quote) -> list[float | None]:
        """Publish quotes; their due times."""
        self.known.update({quote.symbol: quote for quote in quotes})
        return [self.tier.note(quote, now) for quote in quotes]

    def flush(self, now: float) -> list[int]:
        """Send the due quotes; their numbers."""
        self.flushes += 1
        due = self.tier.take_due(now, self.known, self.flushes)
        self.sent += [(now, update.symbol, update.seq) for update in due]
        return [update.seq for update in due]

    def send(self, now: float, *quotes: Quote) -> list[int]:
        """Publish quotes and flush; the numbers sent."""
        self.note(now, *quotes)
        return self.flush(now)

    def run(self, changes: Iterable[tuple[float, Quote]], late: Iterator[float]) -> None:
        """Publish changes at their times; each flush is late by the next of `late`."""
        now = NOON
        for at, update in sorted(changes, key=lambda change: change[0]):
            now = max(self._flush_until(at, now, late), at)
            self.note(now, update)
        self._flush_until(math.inf, now, late)

    def _flush_until(self, end: float, now: float, late: Iterator[float]) -> float:
        while (due := max(self.tier.next_flush(now), now)) <= end and self.tier.waiting:
            now = due + next(late)
            self.flush(now)
        return now

    def times(self, symbol: str = "BTC") -> list[float]:
        return [at for at, name, _ in self.sent if name == symbol]

    def lacking(self, seq: int) -> set[str] | None:
        """The symbols a client with highest number `seq` may lack; None if unknown."""
        is_missing = self.tier.missing_since(seq, self.known)
        return (
            None if is_missing is None else {symbol for symbol in self.known if is_missing(symbol)}
        )
