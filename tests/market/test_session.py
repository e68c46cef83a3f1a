"""When markets are open, compared with tables and with the calendar of another library.

Long for a reason: the session edges of three markets are listed in full.
"""

import runpy
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from omcrm.market.session import (
    Calendar,
    SessionState,
    is_open,
    session_state,
)

NEW_YORK = ZoneInfo("America/New_York")
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def described(calendar: Calendar, now: datetime) -> tuple[bool, str, str]:
    state = session_state(calendar, now)
    return state.is_open, state.session, state.reason


# Always


def test_the_calendar_of_always_never_closes() -> None:
    """It is open at any time, with no opening and no close; programs know it as crypto."""
    christmas = utc("2024-12-25T00:00")

    assert SessionState(
        market="crypto", is_open=True, session="24/7", reason="Always open"
    ) == session_state(Calendar.ALWAYS, christmas)
    assert is_open(Calendar.ALWAYS, christmas)


# The exchange


@pytest.mark.parametrize(
    ("moment", "session", "reason"),
    [
        ("2024-08-08T00:00:00", "closed", "Closed"),
        ("2024-08-08T03:59:59", "closed", "Closed"),
        ("2024-08-08T04:00:00", "pre-market", "Pre-market"),
        ("2024-08-08T09:29:59", "pre-market", "Pre-market"),
        ("2024-08-08T09:30:00", "regular", "Regular trading hours"),
        ("2024-08-08T15:59:59", "regular", "Regular trading hours"),
        ("2024-08-08T16:00:00", "after-hours", "After-hours"),
        ("2024-08-08T19:59:59", "after-hours", "After-hours"),
        ("2024-08-08T20:00:00", "closed", "Closed"),
        ("2024-08-08T23:59:59", "closed", "Closed"),
        ("2024-08-10T00:00:00", "closed", "Weekend"),
        ("2024-08-11T23:59:59", "closed", "Weekend"),
        ("2024-08-12T00:00:00", "closed", "Closed"),
        ("2024-12-25T00:00:00", "closed", "Holiday: Christmas"),
        ("2024-12-25T23:59:59", "closed", "Holiday: Christmas"),
        ("2025-01-09T12:00:00", "closed", "Holiday: National Day of Mourning for Jimmy Carter"),
        ("2022-01-01T12:00:00", "closed", "Weekend"),
        ("2024-11-29T09:29:59", "pre-market", "Pre-market"),
        ("2024-11-29T09:30:00", "regular", "Early Close: Day after Thanksgiving"),
        ("2024-11-29T12:59:59", "regular", "Early Close: Day after Thanksgiving"),
        ("2024-11-29T13:00:00", "after-hours", "After-hours"),
        ("2024-11-29T20:00:00", "closed", "Closed"),
    ],
)
def test_the_exchange_changes_session_to_the_second(moment: str, session: str, reason: str) -> None:
    """Each session of a New York day begins on its second, and only the regular one is open."""
    now = local(moment)

    assert (session == "regular", session, reason) == described(Calendar.XNYS, now)
    assert (session == "regular") is is_open(Calendar.XNYS, now)


def test_an_open_exchange_has_its_close() -> None:
    """An open exchange has its close in UTC and no opening."""
    state = session_state(Calendar.XNYS, local("2024-08-08T12:00"))

    assert "XNYS" == state.market
    assert state.opens_at is None
    assert utc("2024-08-08T20:00") == state.closes_at
    assert state.closes_at is not None
    assert UTC is state.closes_at.tzinfo


def test_the_close_of_an_early_close_day_is_the_early_one() -> None:
    """On an early-close day the session ends at the early close."""
    state = session_state(Calendar.XNYS, local("2024-11-29T10:00"))

    assert local("2024-11-29T13:00") == state.closes_at


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2024-08-08T05:00", "2024-08-08T09:30"),
        ("2024-08-08T17:00", "2024-08-09T09:30"),
        ("2024-08-30T16:00", "2024-09-03T09:30"),  # Labor Day weekend
        ("2024-08-31T12:00", "2024-09-03T09:30"),
        ("2024-03-28T21:00", "2024-04-01T09:30"),  # Good Friday
        ("2020-12-31T16:00", "2021-01-04T09:30"),
        ("2025-01-08T16:00", "2025-01-10T09:30"),  # a day of mourning
    ],
)
def test_a_closed_exchange_has_its_next_opening(moment: str, opening: str) -> None:
    """A closed exchange has its next opening, after weekends and holidays, and no close."""
    state = session_state(Calendar.XNYS, local(moment))

    assert local(opening) == state.opens_at
    assert state.closes_at is None


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2024-03-08T22:00", "2024-03-11T13:30"),  # clocks go forward on the Sunday between
        ("2024-11-01T21:00", "2024-11-04T14:30"),  # and back
    ],
)
def test_the_exchange_keeps_new_york_time(moment: str, opening: str) -> None:
    """The UTC hour of the opening changes with daylight saving time in New York."""
    now, opens_at = utc(moment), utc(opening)

    assert opens_at == session_state(Calendar.XNYS, now).opens_at
    assert not is_open(Calendar.XNYS, opens_at - SECOND)
    assert is_open(Calendar.XNYS, opens_at)


@pytest.mark.parametrize(
    ("moment", "session", "reason"),
    [
        ("2032-01-02T12:00", "regular", "Regular trading hours (holiday calendar ends 2031)"),
        ("2032-12-24T15:00", "regular", "Regular trading hours (holiday calendar ends 2031)"),
        ("2032-01-03T12:00", "closed", "Weekend (holiday calendar ends 2031)"),
        ("2019-12-31T12:00", "regular", "Regular trading hours (holiday calendar begins 2020)"),
        ("2031-12-31T15:59", "regular", "Regular trading hours"),
        ("2031-12-31T16:00", "after-hours", "After-hours (holiday calendar ends 2031)"),
    ],
)
def test_beyond_the_calendar_weekdays_are_regular_days(
    moment: str, session: str, reason: str
) -> None:
    """Weekdays beyond the calendar have regular hours, and the reason names the calendar's end."""
    assert (session == "regular", session, reason) == described(Calendar.XNYS, local(moment))


# Forex


@pytest.mark.parametrize(
    ("moment", "opens", "reason"),
    [
        ("2024-08-09T16:59:59", True, "Regular trading hours"),
        ("2024-08-09T17:00:00", False, "Weekend"),
        ("2024-08-11T16:59:59", False, "Weekend"),
        ("2024-08-11T17:00:00", True, "Regular trading hours"),
        ("2024-08-07T00:00:00", True, "Regular trading hours"),
        ("2024-12-24T23:59:59", True, "Regular trading hours"),
        ("2024-12-25T00:00:00", False, "Holiday: Christmas"),
        ("2024-12-25T23:59:59", False, "Holiday: Christmas"),
        ("2024-12-26T00:00:00", True, "Regular trading hours"),
        ("2027-01-01T16:59:59", False, "Holiday: New Year's Day"),  # a Friday
        ("2027-01-01T17:00:00", False, "Weekend"),
        ("2023-01-01T16:59:59", False, "Weekend"),  # a Sunday
        ("2023-01-01T17:00:00", False, "Holiday: New Year's Day"),
        ("2040-08-08T12:00:00", True, "Regular trading hours"),
    ],
)
def test_the_forex_week_opens_and_closes_to_the_second(
    moment: str, opens: bool, reason: str
) -> None:
    """Forex closes on Friday and opens on Sunday at 17:00 New York, and closes on two holidays."""
    now = local(moment)

    assert (opens, "regular" if opens else "closed", reason) == described(Calendar.FOREX, now)
    assert opens is is_open(Calendar.FOREX, now)


@pytest.mark.parametrize(
    ("moment", "opens_at", "closes_at"),
    [
        ("2024-08-12T12:00", None, "2024-08-16T17:00"),
        ("2024-08-10T12:00", "2024-08-11T17:00", None),
        ("2024-12-23T12:00", None, "2024-12-25T00:00"),
        ("2024-12-25T12:00", "2024-12-26T00:00", None),
        ("2027-01-01T12:00", "2027-01-03T17:00", None),  # a holiday runs into the weekend
        ("2022-12-31T12:00", "2023-01-02T00:00", None),  # the weekend runs into a holiday
    ],
)
def test_a_forex_state_has_the_next_change(
    moment: str, opens_at: str | None, closes_at: str | None
) -> None:
    """A state has the next opening or close, after holidays and weekends."""
    state = session_state(Calendar.FOREX, local(moment))

    assert "forex" == state.market
    assert (opens_at and local(opens_at)) == state.opens_at
    assert (closes_at and local(closes_at)) == state.closes_at


@pytest.mark.parametrize(
    ("friday", "sunday"),
    [
        ("2024-03-08T22:00", "2024-03-10T21:00"),  # clocks go forward within the weekend
        ("2024-11-01T21:00", "2024-11-03T22:00"),  # and back
    ],
)
def test_the_forex_week_keeps_new_york_time(friday: str, sunday: str) -> None:
    """The UTC hours of the week's open and close change with daylight saving time in New York."""
    closes_at, opens_at = utc(friday), utc(sunday)

    assert closes_at == session_state(Calendar.FOREX, closes_at - SECOND).closes_at
    assert opens_at == session_state(Calendar.FOREX, closes_at).opens_at
    assert not is_open(Calendar.FOREX, opens_at - SECOND)
    assert is_open(Calendar.FOREX, opens_at)


# Every calendar


@pytest.mark.parametrize("calendar", [Calendar.XNYS, Calendar.FOREX])
def test_a_state_lasts_until_its_next_change(calendar: Calendar) -> None:
    """At any hour of two years, the market opens or closes exactly at the time in its state."""
    now, end = utc("2024-01-01T00:30"), utc("2026-01-01T00:00")
    while now < end:
        state = session_state(calendar, now)
        change = state.closes_at or state.opens_at

        assert change is not None
        assert now < change
        assert state.is_open is is_open(calendar, change - MICROSECOND)
        assert state.is_open is not is_open(calendar, change)
        now += timedelta(hours=7)


@pytest.mark.parametrize("calendar", list(Calendar))
def test_a_naive_datetime_raises(calendar: Calendar) -> None:
    """A datetime without an offset raises an error."""
    with pytest.raises(ValueError, match="aware"):
        session_state(calendar, datetime(2024, 8, 8, 12))


def test_the_time_zone_of_the_datetime_does_not_matter() -> None:
    """The same time in another zone has the same state."""
    now = utc("2024-08-08T13:30")
    tokyo = now.astimezone(ZoneInfo("Asia/Tokyo"))

    assert session_state(Calendar.XNYS, now) == session_state(Calendar.XNYS, tokyo)
    assert is_open(Calendar.XNYS, tokyo)


# The calendar compared with the library it was made from

# The library reads a pandas attribute in a way that the installed pandas deprecates.
with_the_library = pytest.mark.filterwarnings("ignore:Series.values:DeprecationWarning")


@pytest.fixture(scope="module")
def library() -> Any:
    """The calendar of the New York Stock Exchange in the library."""
    exchange_calendars = pytest.importorskip("exchange_calendars")
    return exchange_calendars.get_calendar("XNYS", start="2020-01-01", end="2031-12-31")


@with_the_library
def test_every_day_of_the_calendar_agrees_with_the_library(library: Any) -> None:
    """On each day from 2020 to 2031 the session opens and closes as in the library."""
    sessions = {
        session.date(): (opens.to_pydatetime(), closes.to_pydatetime())
        for session, opens, closes in zip(
            library.sessions, library.opens, library.closes, strict=True
        )
    }
    day = date(2020, 1, 1)
    while day <= date(2031, 12, 31):
        midday = session_state(Calendar.XNYS, local(f"{day}T12:00"))
        opens, closes = sessions.get(day, (None, None))

        assert closes == midday.closes_at, day
        if opens:
            before = session_state(Calendar.XNYS, opens - SECOND)
            assert (opens, False) == (before.opens_at, before.is_open), day
            assert is_open(Calendar.XNYS, opens), day
            assert not is_open(Calendar.XNYS, closes), day
        else:
            weekend = day.weekday() >= 5
            assert ("Weekend" if weekend else "Holiday") == midday.reason.partition(":")[0], day
        day += timedelta(days=1)


@with_the_library
def test_every_early_close_is_named(library: Any) -> None:
    """Each early close of the library has a name in the reason."""
    days = [day.date() for day in library.early_closes]
    reasons = [session_state(Calendar.XNYS, local(f"{day}T12:00")).reason for day in days]

    assert days
    assert all(reason.startswith("Early Close: ") for reason in reasons)


@with_the_library
def test_the_file_is_what_the_tool_writes(library: Any) -> None:
    """The calendar file is exactly the tool's output."""
    tool = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "make_sessions.py"))
    written = files("omcrm.market").joinpath("sessions.json").read_text(encoding="utf-8")

    assert tool["document"]() == written
