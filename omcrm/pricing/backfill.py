"""Backfill: fetches the finished days that are missing in the database."""

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
    """The result of one symbol: how many days were expected, and the query of the missing ones."""

    expected: int
    result: HistoryResult

    @property
    def has_failed(self) -> bool:
        """Whether days are missing because a source could not be asked or gave a bad answer.

        An answer without a day means that there was no trade on it, which is no failure.
        """
        return bool(self.result.missing) and bool(self.result.problems)


def missing_days(
    query: UpstreamQuery, instruments: Iterable[Instrument], count: int, now: datetime
) -> dict[str, tuple[MissingDays, int]]:
    """The missing ones of the last `count` days that are over, by symbol, and how many days there
    are in all.

    A simulated day counts as missing where a real source can be asked.
    """
    wanted = {instrument.symbol: instrument for instrument in instruments}
    calendars = {instrument.calendar for instrument in wanted.values()}
    expected = {calendar: finished_days(calendar, count, now) for calendar in calendars}
    every = [day for days in expected.values() for day in days]
    if not every:
        return {}
    known = daily_candles(wanted, min(every), max(every))
    missing_by_symbol = {}
    for symbol, instrument in wanted.items():
        days = expected[instrument.calendar]
        held = known[symbol]
        real = {day for day in held if held[day].price_class is not PriceClass.SIMULATED}
        enough = real if real or query.real_histories(instrument) else held.keys()
        missing = tuple(day for day in days if day not in enough)
        missing_by_symbol[symbol] = (
            MissingDays(instrument, missing, has_real=bool(real)),
            len(days),
        )
    return missing_by_symbol


def backfill(
    query: UpstreamQuery, instruments: Iterable[Instrument], count: int, now: datetime
) -> Iterator[BackfillResult]:
    """The result of each symbol, as soon as it is known; the caller writes it."""
    wanted = missing_days(query, instruments, count, now)
    for result in query.days(missing for missing, _ in wanted.values()):
        yield BackfillResult(wanted[result.symbol][1], result)
