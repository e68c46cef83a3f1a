"""A random world: one symbol, its true price, the sources that report it, and their faults."""

import math
import random
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, structs

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Calendar, is_open
from omcrm.market.source import Source
from tests.values import START

LENGTH = 75.0
_STEP = 0.25
CALENDARS = {
    AssetClass.CRYPTO: Calendar.ALWAYS,
    AssetClass.STOCK: Calendar.XNYS,
    AssetClass.FOREX: Calendar.FOREX,
}


class FaultKind(StrEnum):
    """What a source does wrong for a while.

    The first ones withhold or delay, what can be known from the source alone; the second ones say
    what is not true; the third ones are small and must change nothing; the last ones are of sources
    that are asked.
    """

    CUT = "cut"
    MUTE = "mute"
    DELAY = "delay"
    DEAD_TRADES = "dead trades"
    DEAD_BOOK = "dead book"
    DEAD_ALL_BUT_SUMMARY = "dead trades and book"

    FROZEN = "frozen"
    FROZEN_TRADES = "frozen trades"
    WRONG = "wrong"
    WALKS_OFF = "walks off"

    SPIKE = "spike"
    AHEAD = "one time ahead"
    STEPPED_CLOCK = "stepped clock"
    DUPLICATES = "duplicates"
    OUT_OF_ORDER = "out of order"

    REFUSED = "refused"
    UNSERVED = "unserved"
    WEEK_OLD = "week old"


LIES = (FaultKind.FROZEN, FaultKind.FROZEN_TRADES, FaultKind.WRONG, FaultKind.WALKS_OFF)
OF_ANSWERS = (FaultKind.REFUSED, FaultKind.UNSERVED, FaultKind.WEEK_OLD)
OF_STREAMS = tuple(kind for kind in FaultKind if kind not in OF_ANSWERS)


class Fault(Struct, frozen=True):
    """A fault from `start` to `end`, in seconds; `size` is a fraction of the price, or seconds."""

    kind: FaultKind
    start: float
    end: float
    size: float

    def is_on(self, second: float) -> bool:
        return self.start <= second < self.end


class WorldSource(Struct, frozen=True):
    """A source: how often it sends what, and how its messages look.

    One that is asked has `trades` answers a second. `clock` is how far its clock is ahead, in
    seconds. It `stops_at_close` if it sends nothing while its market is closed.
    """

    source: Source
    trades: float
    books: float
    has_ids: bool
    is_combined: bool
    clock: float
    faults: tuple[Fault, ...]
    has_times: bool = True
    stops_at_close: bool = False

    @property
    def is_asked(self) -> bool:
        return self.source.claim is PriceClass.INDICATIVE


class World(Struct, frozen=True):
    """A world of one symbol; `truth` is its price each quarter of a second.

    It `begins` at a moment. After `gap_at` seconds a `gap` of time passes in which nobody does
    anything.
    """

    seed: int
    truth: tuple[float, ...]
    sources: tuple[WorldSource, ...]
    asset_class: AssetClass = AssetClass.CRYPTO
    begins: datetime = START
    gap_at: float = math.inf
    gap: timedelta = timedelta()

    def price(self, second: float) -> float:
        """The true price."""
        return self.truth[min(max(int(second / _STEP), 0), len(self.truth) - 1)]

    def elapsed(self, second: float) -> float:
        """How many seconds of time have passed at a second of the world."""
        return second + (self.gap.total_seconds() if second >= self.gap_at else 0.0)

    def moment(self, second: float) -> datetime:
        """The time at a second of the world."""
        return self.begins + timedelta(seconds=self.elapsed(second))

    @property
    def calendar(self) -> Calendar:
        return CALENDARS[self.asset_class]

    def is_open(self, second: float) -> bool:
        """Whether the market is open."""
        calendar = self.calendar
        return calendar is Calendar.ALWAYS or is_open(calendar, self.moment(second))


_NAMES = ("binance", "coinbase", "kraken", "okx")
_SECONDS = (FaultKind.DELAY, FaultKind.AHEAD, FaultKind.STEPPED_CLOCK)


def random_world(rng: random.Random) -> World:
    """A world of up to four sources and up to five faults that overlap at random."""
    seed = rng.getrandbits(32)
    count = rng.choice((1, 1, 2, 2, 3, 4))
    faults: list[list[Fault]] = [[] for _ in range(count)]
    for _ in range(rng.randint(1, 5)):
        faults[rng.randrange(count)].append(random_fault(rng, OF_STREAMS))
    sources = tuple(
        random_stream(rng, Source(name, PriceClass.LIVE), tuple(of_source))
        for name, of_source in zip(rng.sample(_NAMES, count), faults, strict=True)
    )
    truth = random_truth(rng, random.Random(seed))
    return World(seed, _random_drift(rng, truth), _random_rare(rng, sources))


def _random_drift(rng: random.Random, truth: tuple[float, ...]) -> tuple[float, ...]:
    """Now and then a market that falls or rises all the time."""
    if rng.random() < 0.8:
        return truth
    a_step = rng.choice((-1, 1)) * rng.choice((0.001, 0.003, 0.01)) * _STEP
    return tuple(price * math.exp(a_step * step) for step, price in enumerate(truth))


def _random_rare(rng: random.Random, sources: tuple[WorldSource, ...]) -> tuple[WorldSource, ...]:
    """Now and then one of the sources trades seldom, while its book goes on, and mostly another one
    does not say what is true."""
    if rng.random() < 0.7:
        return sources
    rare, *others = rng.sample(range(len(sources)), len(sources))
    changed = list(sources)
    changed[rare] = structs.replace(
        changed[rare], trades=rng.choice((0.03, 0.1, 0.3)), books=4.0, is_combined=False
    )
    if others and rng.random() < 0.7:
        other = changed[others[0]]
        fault = random_fault(rng, LIES)
        changed[others[0]] = structs.replace(other, faults=(*other.faults, fault))
    return tuple(changed)


def random_fault(rng: random.Random, kinds: tuple[FaultKind, ...]) -> Fault:
    """A fault of one of these kinds."""
    kind = rng.choice(kinds)
    start = rng.uniform(0, LENGTH - 20)
    length = rng.choice((2.0, 8.0, 15.0, 30.0, 60.0))
    size = rng.choice((-1, 1)) * rng.choice((0.03, 0.08, 0.12, 0.3))
    if kind in _SECONDS:
        size = rng.choice((2.5, 5.0, 15.0, 40.0))
    return Fault(kind, start, start + length, size)


def random_stream(rng: random.Random, source: Source, faults: tuple[Fault, ...]) -> WorldSource:
    """A streamed source with these faults."""
    has_ids = rng.random() < 0.6
    return WorldSource(
        source=source,
        trades=rng.choice((0.7, 2.0, 5.0)),
        books=rng.choice((0.0, 1.0, 4.0, 4.0)),
        has_ids=has_ids,
        is_combined=rng.random() < 0.25,
        clock=rng.choice((0.0, 0.0, 0.0, 1.0, 4.0, -1.5)),
        faults=faults,
    )


def random_truth(rng: random.Random, noise: random.Random) -> tuple[float, ...]:
    """A random walk with jumps, upwards and downwards."""
    volatility = rng.choice((0.0002, 0.001, 0.003))
    jumps = {
        round(rng.uniform(5, LENGTH - 5) / _STEP): rng.choice((0.85, 0.93, 1.08, 1.2))
        for _ in range(rng.choice((0, 0, 0, 1, 2)))
    }
    price, prices = 100.0 * rng.choice((1, 37, 600)), []
    for step in range(int(LENGTH / _STEP) + 2):
        price *= math.exp(noise.gauss(0, volatility * math.sqrt(_STEP))) * jumps.get(step, 1.0)
        prices.append(price)
    return tuple(prices)
