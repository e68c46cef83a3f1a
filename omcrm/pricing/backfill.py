"""Fills the finished days that are missing in the database."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from omcrm.feeds.history_query import HistoryResult, MissingDays
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.trading_day import finished_days
from omcrm.pricing.upstream_query import UpstreamQuery
from omcrm.storage.daily_bar import daily_candles


class BackfillResult(Struct, frozen=True):
    """What became of one symbol: how many days were expected, and what was found of the rest."""

    expected: int
    found: HistoryResult

    @property
    def has_failed(self) -> bool:
        """Whether days are missing because somebody could not be asked or answered badly.

        A source that answers without a day knows of no trade on it, which is no failure.
        """
        return bool(self.found.missing) and bool(self.found.problems)


def wishes(
    query: UpstreamQuery, instruments: Iterable[Instrument], count: int, now: datetime
) -> dict[str, tuple[MissingDays, int]]:
    """The days of the last `count` that are over and not known yet, by symbol, and how many there
    are in all.

    A simulated day is as good as missing where a real source can be asked.
    """
    wanted = {instrument.symbol: instrument for instrument in instruments}
    classes = {instrument.asset_class for instrument in wanted.values()}
    expected = {asset_class: finished_days(asset_class, count, now) for asset_class in classes}
    every = [day for days in expected.values() for day in days]
    if not every:
        return {}
    known = daily_candles(wanted, min(every), max(every))
    found = {}
    for symbol, instrument in wanted.items():
        days = expected[instrument.asset_class]
        held = known[symbol]
        real = {day for day in held if held[day].price_class is not PriceClass.SIMULATED}
        enough = real if real or query.real_histories(instrument) else held.keys()
        missing = tuple(day for day in days if day not in enough)
        found[symbol] = (MissingDays(instrument, missing, has_real=bool(real)), len(days))
    return found


def backfill(
    query: UpstreamQuery, instruments: Iterable[Instrument], count: int, now: datetime
) -> Iterator[BackfillResult]:
    """What becomes of each symbol, as soon as it is known; writing it is left to the caller."""
    wanted = wishes(query, instruments, count, now)
    for found in query.days(wish for wish, _ in wanted.values()):
        yield BackfillResult(wanted[found.symbol][1], found)
