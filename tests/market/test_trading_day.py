from datetime import UTC, date, datetime, timedelta

import pytest

from omcrm.market.session import Calendar
from omcrm.market.trading_day import finished_days, is_trading_day


@pytest.mark.parametrize(
    ("calendar", "now", "last"),
    [
        (Calendar.ALWAYS, datetime(2026, 3, 4, 0, 0, tzinfo=UTC), date(2026, 3, 3)),
        (Calendar.ALWAYS, datetime(2026, 3, 4, 23, 59, tzinfo=UTC), date(2026, 3, 3)),
        # 20:00 in New York is 01:00 UTC in winter.
        (Calendar.XNYS, datetime(2026, 3, 4, 0, 59, tzinfo=UTC), date(2026, 3, 2)),
        (Calendar.XNYS, datetime(2026, 3, 4, 1, 0, tzinfo=UTC), date(2026, 3, 3)),
        # Monday morning: Friday's was the last.
        (Calendar.XNYS, datetime(2026, 3, 2, 15, 0, tzinfo=UTC), date(2026, 2, 27)),
        # 17:00 in Frankfurt is 16:00 UTC in winter.
        (Calendar.FOREX, datetime(2026, 3, 4, 15, 59, tzinfo=UTC), date(2026, 3, 3)),
        (Calendar.FOREX, datetime(2026, 3, 4, 16, 0, tzinfo=UTC), date(2026, 3, 4)),
    ],
)
def test_a_day_is_finished_after_the_close_of_its_market(
    calendar: Calendar, now: datetime, last: date
) -> None:
    """The last finished day depends on the market's own time zone and close."""
    assert last == finished_days(calendar, 10, now)[-1]


def test_calendar_days_are_counted() -> None:
    """Of the last seven calendar days a coin has seven and a stock five, oldest first."""
    now = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
    week = [date(2026, 3, 2) + timedelta(days=number) for number in range(7)]

    assert week == finished_days(Calendar.ALWAYS, 7, now)
    assert week[:5] == finished_days(Calendar.XNYS, 7, now)
    assert [] == finished_days(Calendar.ALWAYS, 0, now)


@pytest.mark.parametrize(
    ("calendar", "day", "expected"),
    [
        (Calendar.ALWAYS, date(2026, 12, 25), True),
        # Thanksgiving, an early close, and a Saturday.
        (Calendar.XNYS, date(2026, 11, 26), False),
        (Calendar.XNYS, date(2026, 11, 27), True),
        (Calendar.XNYS, date(2026, 11, 28), False),
        (Calendar.FOREX, date(2026, 11, 26), True),
        (Calendar.FOREX, date(2026, 11, 28), False),
    ],
)
def test_each_market_has_its_own_trading_days(
    calendar: Calendar, day: date, expected: bool
) -> None:
    """Crypto trades every day, stocks and forex not on their holidays and weekends."""
    assert expected is is_trading_day(calendar, day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2024, 3, 29),
        date(2024, 4, 1),
        date(2025, 4, 18),
        date(2025, 4, 21),
        date(2026, 4, 3),
        date(2026, 4, 6),
        date(2027, 3, 26),
        date(2026, 5, 1),
        date(2026, 12, 25),
        date(2025, 12, 26),
    ],
)
def test_holidays_of_the_central_bank_are_no_forex_days(day: date) -> None:
    """At New Year, Easter, Labour Day and Christmas there are no reference rates."""
    assert not is_trading_day(Calendar.FOREX, day)
    assert is_trading_day(Calendar.ALWAYS, day)
