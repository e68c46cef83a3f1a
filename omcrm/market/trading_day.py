"""Which days a market has traded and ended, so that there is a close to know."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from omcrm.market.session import Calendar, is_open

_DAY = timedelta(days=1)
_NOON = time(12)
_NEW_YORK, _FRANKFURT = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
# Shares are still traded after their close; the reference rates of currencies come after four.
_ENDS = {Calendar.XNYS: (time(20), _NEW_YORK), Calendar.FOREX: (time(17), _FRANKFURT)}
_FRIDAY_BEFORE, _MONDAY_AFTER = -2 * _DAY, _DAY


def finished_days(calendar: Calendar, count: int, now: datetime) -> list[date]:
    """Those of the last `count` calendar days before or at `now` that were traded and are over."""
    last = _last_finished(calendar, now)
    days = (last - _DAY * back for back in range(count))
    return sorted(day for day in days if is_trading_day(calendar, day))


def is_trading_day(calendar: Calendar, day: date) -> bool:
    """Whether the calendar has a close on that day: coins always, shares where New York's exchange
    opens, currencies where the European Central Bank publishes reference rates."""
    if calendar is Calendar.XNYS:
        return is_open(calendar, datetime.combine(day, _NOON, _NEW_YORK))
    if calendar is Calendar.FOREX:
        return day.weekday() < 5 and day not in _bank_holidays(day.year)
    return True


def _last_finished(calendar: Calendar, now: datetime) -> date:
    if calendar not in _ENDS:
        return now.astimezone(UTC).date() - _DAY
    end, zone = _ENDS[calendar]
    local = now.astimezone(zone)
    return local.date() if local.time() >= end else local.date() - _DAY


@lru_cache(maxsize=16)
def _bank_holidays(year: int) -> frozenset[date]:
    """When the bank's payment system TARGET is closed, besides weekends."""
    easter = _easter(year)
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(fixed | {easter + _FRIDAY_BEFORE, easter + _MONDAY_AFTER})


def _easter(year: int) -> date:
    # The anonymous Gregorian rule.
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, after = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * after + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
