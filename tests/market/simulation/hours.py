"""Random worlds of markets that close and open, where some sources stream and others are asked."""

import math
import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Calendar, session_state
from omcrm.market.source import Source
from tests.market.simulation.world import (
    CALENDARS,
    LENGTH,
    LIES,
    OF_ANSWERS,
    OF_STREAMS,
    FaultKind,
    World,
    WorldSource,
    random_fault,
    random_stream,
    random_truth,
)

_LIVE, _DELAYED, _INDICATIVE = PriceClass.LIVE, PriceClass.DELAYED, PriceClass.INDICATIVE
_NEW_YORK = ZoneInfo("America/New_York")


class _Sources(Struct, frozen=True):
    """The sources of an asset class: those that stream, those of them that may be delayed, and
    those that are asked."""

    streams: tuple[str, ...]
    delayed: tuple[str, ...]
    asked: tuple[Source, ...]


_SOURCES = {
    AssetClass.CRYPTO: _Sources(
        ("binance", "coinbase", "kraken"),
        ("okx",),
        (Source("coingecko", _INDICATIVE, timedelta(minutes=10)),),
    ),
    AssetClass.STOCK: _Sources(
        ("finnhub", "alpaca", "massive"),
        ("alpaca", "massive"),
        (
            Source("finnhub_quote", _INDICATIVE, timedelta(minutes=10)),
            Source("alpha_vantage", _INDICATIVE, timedelta(hours=6.5)),
        ),
    ),
    AssetClass.FOREX: _Sources(
        ("kraken", "finnhub", "massive_forex"),
        (),
        (
            Source("exchangerate_api", _INDICATIVE, timedelta(hours=4)),
            Source("frankfurter", _INDICATIVE, timedelta(hours=4)),
        ),
    ),
}
# Every day of a year with all its holidays, early closes and changes of the clocks.
_DAYS = tuple(date(2026, 1, 1) + timedelta(days=number) for number in range(365))


def random_hours(rng: random.Random) -> World:
    """A world in which a market closes or opens, or hours pass, with up to three streams, some of
    them delayed, and up to two sources that are asked."""
    asset_class = rng.choice(tuple(AssetClass))
    calendar = CALENDARS[asset_class]
    begins, edge = _random_start(rng, calendar)
    gap_at = rng.uniform(10, LENGTH - 10)
    seed = rng.getrandbits(32)
    return World(
        seed,
        random_truth(rng, random.Random(seed)),
        _random_sources(rng, asset_class, edge),
        asset_class,
        begins,
        gap_at if rng.random() < 0.7 else math.inf,
        _random_gap(rng, calendar, begins + timedelta(seconds=gap_at)),
    )


def _random_start(rng: random.Random, calendar: Calendar) -> tuple[datetime, float]:
    """A moment, and after how many seconds from then the market closes or opens, or something else
    may happen: mostly a little later."""
    day = datetime.combine(rng.choice(_DAYS), time(), _NEW_YORK).astimezone(UTC)
    moment, second = day + timedelta(seconds=rng.uniform(0, 86_400)), rng.uniform(0, LENGTH)
    state = session_state(calendar, moment)
    edge = state.closes_at or state.opens_at
    if edge is not None and rng.random() < 0.8:
        moment = edge - timedelta(seconds=second)
    return moment, second


def _random_gap(rng: random.Random, calendar: Calendar, moment: datetime) -> timedelta:
    """Some minutes or hours, or until a little before or after the market next opens or closes."""
    state = session_state(calendar, moment)
    edge = state.closes_at or state.opens_at
    if edge is None or rng.random() < 0.5:
        return timedelta(minutes=rng.choice((1, 3, 9, 11, 50, 239, 241, 389, 391, 800, 4000)))
    return max(edge - moment + timedelta(seconds=rng.uniform(-40, 40)), timedelta(seconds=1))


def _random_sources(
    rng: random.Random, asset_class: AssetClass, edge: float
) -> tuple[WorldSource, ...]:
    known = _SOURCES[asset_class]
    sources: list[WorldSource] = []
    for name in rng.sample(known.streams, rng.choice((0, 1, 2, 2, 2, 3))):
        is_delayed = name in known.delayed and rng.random() < 0.4
        source = Source(name, _DELAYED if is_delayed else _LIVE)
        sources.append(_of_class(random_stream(rng, source, ()), asset_class, rng))
    sources += [
        _random_asked(rng, source)
        for source in rng.sample(known.asked, rng.randint(not sources, len(known.asked)))
    ]
    for _ in range(rng.randint(0, 4)):
        number = rng.randrange(len(sources))
        source = sources[number]
        fault = random_fault(rng, _kinds(source, rng))
        if rng.random() < 0.4:
            # One that begins a little before the market closes or opens.
            start, length = max(0.0, edge - rng.uniform(2, 25)), fault.end - fault.start
            fault = structs.replace(fault, start=start, end=start + length)
        sources[number] = structs.replace(source, faults=(*source.faults, fault))
    return tuple(sources)


def _kinds(source: WorldSource, rng: random.Random) -> tuple[FaultKind, ...]:
    if source.is_asked:
        return (*OF_ANSWERS, FaultKind.WRONG)
    return LIES if rng.random() < 0.4 else OF_STREAMS


def _random_asked(rng: random.Random, source: Source) -> WorldSource:
    return WorldSource(
        source=source,
        trades=rng.choice((0.05, 0.2, 0.5)),
        books=0.0,
        has_ids=False,
        is_combined=False,
        clock=0.0,
        faults=(),
        has_times=rng.random() < 0.7,
    )


def _of_class(stream: WorldSource, asset_class: AssetClass, rng: random.Random) -> WorldSource:
    if asset_class is AssetClass.CRYPTO:
        return stream
    if asset_class is AssetClass.STOCK:
        # After the close some report trades that set no last price, that is nothing, others all.
        # Each sends its books apart from its trades.
        return structs.replace(stream, stops_at_close=rng.random() < 0.5, is_combined=False)
    # Banks send quotes, or prices that no trade was made at.
    is_priced = stream.source.name == "finnhub"
    return structs.replace(
        stream,
        trades=stream.trades if is_priced else 0.0,
        books=0.0 if is_priced else max(stream.books, 1.0),
        has_ids=False,
        is_combined=False,
    )
