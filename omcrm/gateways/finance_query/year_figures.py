"""Returns and figures of the year of an instrument, from the daily closes in the database."""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from omcrm.gateways.finance_query.row import mean
from omcrm.market import amount
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Calendar
from omcrm.market.trading_day import finished_days
from omcrm.storage.daily_bar import daily_candles

# The maximum age of the newest close and of the close before a period: holidays, a missing day.
_LEEWAY = timedelta(days=7)
_YEAR, _QUARTER = 365, 90
# Closes are not adjusted: a larger move of a share in a day is taken for a split.
_LARGEST_MOVE = Decimal("1.4")
_KEPT = 3600.0

Days = Mapping[date, DailyBar]


class ReturnPeriod(StrEnum):
    """A period of returns, by its name on the wire."""

    YEAR_TO_DATE = "ytdReturn"
    YEAR = "yearReturn"
    THREE_YEARS = "threeYearReturn"
    FIVE_YEARS = "fiveYearReturn"


_YEARS = {ReturnPeriod.YEAR: 1, ReturnPeriod.THREE_YEARS: 3, ReturnPeriod.FIVE_YEARS: 5}


class YearFigures(Struct, frozen=True, kw_only=True):
    """Returns in percent, and figures of the last year; None or absent where closes are missing.

    All figures are of real closes, or all of simulated ones.
    """

    returns: Mapping[ReturnPeriod, Decimal] = {}
    year_high: Decimal | None = None
    year_low: Decimal | None = None
    average_volume: Decimal | None = None
    is_simulated: bool = False


def year_figures(instrument: Instrument, days: Days, now: datetime) -> YearFigures:
    """The figures of the instrument by these days."""
    today = now.astimezone(UTC).date()
    if not days or today - max(days) > _LEEWAY:
        return YearFigures()
    is_simulated = days[max(days)].price_class is PriceClass.SIMULATED
    alike = {
        day: days[day]
        for day in sorted(days)
        if (days[day].price_class is PriceClass.SIMULATED) is is_simulated
    }
    if instrument.asset_class is AssetClass.STOCK:
        alike = _since_last_split(alike)
    year = _complete(instrument.calendar, alike, _YEAR, now)
    quarter = _complete(instrument.calendar, alike, _QUARTER, now)
    returns = {span: _return(alike, _before(span, today)) for span in ReturnPeriod}
    return YearFigures(
        returns={span: percent for span, percent in returns.items() if percent is not None},
        year_high=_highest(year),
        year_low=_lowest(year),
        average_volume=_average_volume(quarter),
        is_simulated=is_simulated,
    )


def _since_last_split(days: Days) -> dict[date, DailyBar]:
    kept: dict[date, DailyBar] = {}
    last: Decimal | None = None
    for day, item in days.items():
        if last is not None and not 1 / _LARGEST_MOVE < item.close / last < _LARGEST_MOVE:
            kept.clear()
        kept[day], last = item, item.close
    return kept


def _before(span: ReturnPeriod, today: date) -> date:
    """The day whose close is the base of the span."""
    if span is ReturnPeriod.YEAR_TO_DATE:
        return date(today.year - 1, 12, 31)
    is_leap_day = (today.month, today.day) == (2, 29)
    return today.replace(year=today.year - _YEARS[span], day=28 if is_leap_day else today.day)


def _return(days: Days, before: date) -> Decimal | None:
    began = [day for day in days if before - _LEEWAY < day <= before]
    if not began:
        return None
    base, newest = days[max(began)].close, days[max(days)].close
    return amount.percent(amount.minus(newest, base), base)


def _complete(calendar: Calendar, days: Days, count: int, now: datetime) -> list[DailyBar]:
    """The bars of the last `count` days; empty where one besides the newest is missing."""
    wanted = finished_days(calendar, count, now)
    present = [days[day] for day in wanted if day in days]
    is_complete = all(day in days for day in wanted[:-1])
    return present if is_complete else []


def _highest(candles: list[DailyBar]) -> Decimal | None:
    highs = [candle.high for candle in candles if candle.high is not None]
    return max(highs) if highs and len(highs) == len(candles) else None


def _lowest(candles: list[DailyBar]) -> Decimal | None:
    lows = [candle.low for candle in candles if candle.low is not None]
    return min(lows) if lows and len(lows) == len(candles) else None


def _average_volume(candles: list[DailyBar]) -> Decimal | None:
    volumes = [candle.volume for candle in candles if candle.volume is not None]
    # Each source counts only its own trades.
    is_one_source = len({candle.source for candle in candles}) == 1
    return mean(volumes) if is_one_source and len(volumes) == len(candles) else None


class _CachedFigures(Struct, frozen=True):
    year_figures: YearFigures
    day: date
    until: float


class CloseHistory:
    """Reads the closes of instruments, each at most once an hour; thread-safe.

    Needs an app context.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, _CachedFigures] = {}

    def year_figures(self, instrument: Instrument, now: datetime) -> YearFigures:
        """The figures of an instrument."""
        today = now.astimezone(UTC).date()
        if (held := self._get(instrument.symbol, today)) is not None:
            return held.year_figures
        # One read at a time: all use the same database.
        with self._lock:
            held = self._get(instrument.symbol, today)
            if held is None:
                percent = year_figures(instrument, _read(instrument, today), now)
                held = _CachedFigures(percent, today, time.monotonic() + _KEPT)
                self._held[instrument.symbol] = held
        # Lets other green threads run.
        time.sleep(0)
        return held.year_figures

    def _get(self, symbol: str, today: date) -> _CachedFigures | None:
        held = self._held.get(symbol)
        if held is None or held.day != today or time.monotonic() >= held.until:
            return None
        return held


def _read(instrument: Instrument, today: date) -> Days:
    # Only companies have returns of several years.
    years = 5 if instrument.asset_class is AssetClass.STOCK else 1
    first = today - years * timedelta(days=366) - _LEEWAY
    return daily_candles([instrument.symbol], first, today)[instrument.symbol]
