"""What the sources of a world send, and when it arrives."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from msgspec import Struct, structs

from omcrm.market.price_class import PriceClass
from omcrm.market.tick import TopOfBook, Trade
from tests.market.simulation.world import LENGTH, FaultKind, World, WorldSource

_STILL = (FaultKind.FROZEN, FaultKind.FROZEN_TRADES)
SELDOM = 0.5
"""Who trades less often in a second says by its book where the market is."""
# What a delayed source sends is so many seconds old.
_DELAYED_BY = 900.0


class Delivery(Struct, frozen=True):
    """What arrives from a source at a second of the world; `sent_at` is when the source said it.

    An answer without a price is one that `is_refused`, or else one of a source without the symbol.
    """

    arrives: float
    number: int
    name: str
    sent_at: float
    trade: Trade | None = None
    book: TopOfBook | None = None
    is_refused: bool = False


def is_on(source: WorldSource, kind: FaultKind, second: float) -> bool:
    return any(fault.kind is kind and fault.is_on(second) for fault in source.faults)


def stated_price(source: WorldSource, world: World, second: float, *, book: bool = False) -> float:
    """The price that a source says at a second, true or not."""
    price = world.price(second)
    for fault in source.faults:
        if not fault.is_on(second):
            continue
        if fault.kind is FaultKind.FROZEN or (fault.kind is FaultKind.FROZEN_TRADES and not book):
            price = world.price(fault.start)
        elif fault.kind is FaultKind.WRONG:
            price *= 1 + fault.size
        elif fault.kind is FaultKind.WALKS_OFF:
            price *= 1 + fault.size * (second - fault.start) / (fault.end - fault.start)
    return price


# What sources send


def deliveries(world: World) -> list[Delivery]:
    """All that arrives from the sources of a world, in the order of arrival."""
    arriving: list[Delivery] = []
    for place, source in enumerate(world.sources):
        rng = random.Random(world.seed + place)
        arriving.extend((_answers if source.is_asked else _in_order)(source, world, rng))
    # What arrives at once stays in the order of its connection.
    return sorted(arriving, key=attrgetter("arrives"))


def _in_order(source: WorldSource, world: World, rng: random.Random) -> Iterator[Delivery]:
    """All that a source sends: nothing overtakes within a connection."""
    sent = sorted([*_trades(source, world, rng), *_books(source, world, rng)], key=_arrival)
    arrived = 0.0
    for delivery in sent:
        delays = [
            fault.size
            for fault in source.faults
            if fault.kind is FaultKind.DELAY and fault.is_on(delivery.sent_at)
        ]
        arrived = max(arrived, delivery.arrives + rng.uniform(0.01, 0.08) + sum(delays))
        yield structs.replace(delivery, arrives=arrived)


def _is_silent(source: WorldSource, world: World, second: float, *kinds: FaultKind) -> bool:
    if source.stops_at_close and not world.is_open(second):
        return True
    return any(is_on(source, kind, second) for kind in kinds)


def _trades(source: WorldSource, world: World, rng: random.Random) -> Iterator[Delivery]:
    if not source.trades:
        return
    second, number = rng.uniform(0, 1), 0
    while (second := second + rng.expovariate(source.trades)) < LENGTH:
        number += 1
        silent = (FaultKind.MUTE, FaultKind.DEAD_TRADES, FaultKind.DEAD_ALL_BUT_SUMMARY)
        if _is_silent(source, world, second, *silent):
            continue
        price = stated_price(source, world, second)
        if not any(is_on(source, kind, second) for kind in _STILL):
            price *= 1 + rng.gauss(0, 0.0002)
        spikes = [f for f in source.faults if f.kind is FaultKind.SPIKE and f.is_on(second)]
        if spikes and rng.random() < 0.2:
            price *= 1 + spikes[0].size
        trade = Trade(
            _decimal(price),
            id=number if source.has_ids else None,
            time=_time(source, world, second, rng),
        )
        book = _book(price, number) if source.is_combined else None
        delivery = Delivery(second, number, source.source.name, second, trade, book)
        yield delivery
        if is_on(source, FaultKind.DUPLICATES, second):
            yield structs.replace(delivery, arrives=second + rng.uniform(0, 30))
        if is_on(source, FaultKind.OUT_OF_ORDER, second) and rng.random() < 0.3:
            yield structs.replace(delivery, arrives=second + rng.uniform(0, 1))


def _time(source: WorldSource, world: World, second: float, rng: random.Random) -> datetime:
    ahead = source.clock
    for fault in source.faults:
        if fault.kind is FaultKind.STEPPED_CLOCK and fault.is_on(second):
            ahead += fault.size if fault.size != 5.0 else -5.0
        elif fault.kind is FaultKind.AHEAD and fault.is_on(second) and rng.random() < 0.05:
            ahead += 60 * fault.size
    if source.source.claim is PriceClass.DELAYED:
        ahead -= _DELAYED_BY
    return world.moment(second) + timedelta(seconds=round(ahead, 3))


def _books(source: WorldSource, world: World, rng: random.Random) -> Iterator[Delivery]:
    if not source.books or source.is_combined:
        return
    second, number = rng.uniform(0, 1), 0
    while (second := second + rng.expovariate(source.books)) < LENGTH:
        number += 1
        silent = (FaultKind.MUTE, FaultKind.DEAD_BOOK, FaultKind.DEAD_ALL_BUT_SUMMARY)
        if not _is_silent(source, world, second, *silent):
            book = _book(stated_price(source, world, second, book=True), number)
            if source.trades < SELDOM:
                # Else the trades tell how late the connection is.
                book = structs.replace(book, time=_time(source, world, second, rng))
            yield Delivery(second, 1_000_000 + number, source.source.name, second, book=book)


def _answers(source: WorldSource, world: World, rng: random.Random) -> Iterator[Delivery]:
    """What a source answers that is asked again and again."""
    name, second, number = source.source.name, rng.uniform(0, 5), 0
    while second < LENGTH:
        number += 1
        delivery = Delivery(second + rng.uniform(0.05, 2), number, name, second)
        if is_on(source, FaultKind.REFUSED, second):
            yield structs.replace(delivery, is_refused=True)
        elif is_on(source, FaultKind.UNSERVED, second):
            yield delivery
        else:
            is_old = is_on(source, FaultKind.WEEK_OLD, second)
            time = world.moment(second) - timedelta(days=7 * is_old) if source.has_times else None
            price = stated_price(source, world, second) * (0.85 if is_old else 1.0)
            yield structs.replace(delivery, trade=Trade(_decimal(price), time=time))
        second += 1 / source.trades


def _book(price: float, number: int) -> TopOfBook:
    return TopOfBook(_decimal(price * 0.9998), _decimal(price * 1.0002), id=number)


def _decimal(price: float) -> Decimal:
    return Decimal(f"{price:.4f}")


def _arrival(delivery: Delivery) -> tuple[float, int]:
    return delivery.arrives, delivery.number
