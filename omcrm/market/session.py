"""When a market trades: the state of its session at a given moment.

Every market is described the same way: a day in New York is a row of phases, and a phase lasts
until the next one starts, if need be on a later day. One search over the rows then answers for
both the exchange and the forex week.
"""

import calendar as weekdays
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, field, json
from msgspec.structs import replace

Session = Literal["24/7", "regular", "pre-market", "after-hours", "closed"]


class Calendar(StrEnum):
    """The trading hours that an instrument can have, by name; an exchange's is its MIC."""

    ALWAYS = "always"
    XNYS = "XNYS"
    FOREX = "forex"


ALWAYS = Calendar.ALWAYS


class SessionState(Struct, frozen=True, kw_only=True):
    """One market at one moment; times are UTC, and only the regular session counts as open.

    `opens_at` is the next opening and None while open; `closes_at` is the end of the running
    session and None while closed. A market that never closes has neither.
    """

    market: str
    is_open: bool
    session: Session
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    reason: str


def session_state(calendar: Calendar, now: datetime) -> SessionState:
    """The state of the calendar's market at `now`, which must know its offset (ValueError)."""
    if now.utcoffset() is None:
        raise ValueError("a session is asked for at an aware datetime")
    if calendar is ALWAYS:
        return _ALWAYS_OPEN
    starts, states = _day(calendar, now.astimezone(_new_york()).date())
    return states[bisect_right(starts, now) - 1]


def is_open(calendar: Calendar, now: datetime) -> bool:
    """Whether the calendar's market is in its regular session at `now`."""
    return calendar is ALWAYS or session_state(calendar, now).is_open


def last_close(calendar: Calendar, now: datetime) -> datetime | None:
    """When the last regular session ended; None while one runs."""
    opens_at = session_state(calendar, now).opens_at
    return None if opens_at is None else _close_before(calendar, opens_at)


def trading_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much of the time from `start` to `end` the calendar's market was in its regular session.

    What lies more than a month apart counts as if the market had never closed.
    """
    if calendar is Calendar.ALWAYS or end - start > _A_MONTH:
        return end - start
    total, moment = timedelta(), start
    while moment < end:
        state = session_state(calendar, moment)
        change = min(state.closes_at or state.opens_at or end, end)
        if state.is_open:
            total += change - moment
        moment = change
    return total


_A_MONTH = timedelta(days=31)
_REGULAR_HOURS = "Regular trading hours"
# Programs know the market that never closes by this name.
_ALWAYS_OPEN = SessionState(market="crypto", is_open=True, session="24/7", reason="Always open")


# The exchange's calendar, read on first use


class _ExchangeCalendar(Struct, frozen=True, forbid_unknown_fields=True):
    timezone: str
    open: str
    close: str
    first: date = field(name="from")
    until: date
    holidays: dict[date, str]
    early_closes: dict[date, tuple[str, str]]

    def gap(self, day: date) -> str:
        if day > self.until:
            return f" (holiday calendar ends {self.until.year})"
        if day < self.first:
            return f" (holiday calendar begins {self.first.year})"
        return ""


class _SessionsFile(Struct, frozen=True, forbid_unknown_fields=True):
    generated_by: str
    xnys: _ExchangeCalendar = field(name="XNYS")


@cache
def _exchange() -> _ExchangeCalendar:
    content = files("omcrm.market").joinpath("sessions.json").read_bytes()
    return json.decode(content, type=_SessionsFile).xnys


@cache
def _new_york() -> ZoneInfo:
    # The exchange and the forex week are both told in this zone's local time.
    return ZoneInfo(_exchange().timezone)


# A day as a row of phases


class _Phase(Struct, frozen=True):
    start: time
    session: Session
    reason: str


_MIDNIGHT = time(0)
_PRE_MARKET = time(4)
_AFTER_HOURS_END = time(20)
_FOREX_TURN = time(17)  # the week opens on Sunday and closes on Friday at this hour


def _phases(calendar: Calendar, day: date) -> list[_Phase]:
    return _forex_phases(day) if calendar is Calendar.FOREX else _exchange_phases(day)


def _exchange_phases(day: date) -> list[_Phase]:
    exchange = _exchange()
    if day.weekday() >= weekdays.SATURDAY:
        return [_Phase(_MIDNIGHT, "closed", "Weekend")]
    if day in exchange.holidays:
        return [_Phase(_MIDNIGHT, "closed", f"Holiday: {exchange.holidays[day]}")]
    close, reason = exchange.close, _REGULAR_HOURS
    if day in exchange.early_closes:
        close, name = exchange.early_closes[day]
        reason = f"Early Close: {name}"
    return [
        _Phase(_MIDNIGHT, "closed", "Closed"),
        _Phase(_PRE_MARKET, "pre-market", "Pre-market"),
        _Phase(time.fromisoformat(exchange.open), "regular", reason),
        _Phase(time.fromisoformat(close), "after-hours", "After-hours"),
        _Phase(_AFTER_HOURS_END, "closed", "Closed"),
    ]


# No exchange sets forex holidays. By convention of this project the two days on which no bank
# quotes are closed for the whole New York date, from midnight to midnight.
_FOREX_HOLIDAYS = {(1, 1): "New Year's Day", (12, 25): "Christmas"}


def _forex_phases(day: date) -> list[_Phase]:
    weekend = _Phase(_MIDNIGHT, "closed", "Weekend")
    trading = _Phase(_MIDNIGHT, "regular", _REGULAR_HOURS)
    if holiday := _FOREX_HOLIDAYS.get((day.month, day.day)):
        trading = _Phase(_MIDNIGHT, "closed", f"Holiday: {holiday}")
    match day.weekday():
        case weekdays.FRIDAY:
            return [trading, replace(weekend, start=_FOREX_TURN)]
        case weekdays.SATURDAY:
            return [weekend]
        case weekdays.SUNDAY:
            return [weekend, replace(trading, start=_FOREX_TURN)]
    return [trading]


# From phases to states


@lru_cache(maxsize=64)
def _close_before(calendar: Calendar, opens_at: datetime) -> datetime:
    """The end of the session before the one that opens then."""
    day = opens_at.astimezone(_new_york()).date()
    while True:
        for state in reversed(_day(calendar, day)[1]):
            if state.closes_at is not None and state.closes_at < opens_at:
                return state.closes_at
        day -= timedelta(days=1)


@lru_cache(maxsize=64)
def _day(calendar: Calendar, day: date) -> tuple[tuple[datetime, ...], tuple[SessionState, ...]]:
    phases = _phases(calendar, day)
    starts = tuple(_moment(day, phase) for phase in phases)
    states = tuple(_state(calendar, day, phase) for phase in phases)
    return starts, states


def _moment(day: date, phase: _Phase) -> datetime:
    return datetime.combine(day, phase.start, _new_york()).astimezone(UTC)


def _state(calendar: Calendar, day: date, phase: _Phase) -> SessionState:
    trades = phase.session == "regular"
    change_day, change = next(
        (later_day, later)
        for later_day, later in _from(calendar, day, phase)
        if (later.session == "regular") is not trades
    )
    moment = _moment(change_day, change)
    # A day outside the calendar may be an unlisted holiday, and so may the next opening's.
    gap = ""
    if calendar is Calendar.XNYS:
        gap = _exchange().gap(day) or _exchange().gap(change_day)
    return SessionState(
        market=calendar.value,
        is_open=trades,
        session=phase.session,
        opens_at=None if trades else moment,
        closes_at=moment if trades else None,
        reason=phase.reason + gap,
    )


def _from(calendar: Calendar, day: date, phase: _Phase) -> Iterator[tuple[date, _Phase]]:
    later = [other for other in _phases(calendar, day) if other.start > phase.start]
    while True:
        yield from ((day, other) for other in later)
        day += timedelta(days=1)
        later = _phases(calendar, day)
