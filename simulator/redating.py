"""Redating: the times in a recording's frames are shifted so that it happens now."""

import re
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from simulator.recording import NANOSECONDS

# Behind schedule by more, the recording happens later from then on: its frames are not late.
LARGEST_DELAY = NANOSECONDS
# Numbers further from the recording are no times of it.
FURTHEST = 400 * 24 * 3600 * NANOSECONDS
# Seconds, milliseconds, microseconds and nanoseconds.
UNITS = (NANOSECONDS, 1_000_000, 1_000, 1)

INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def times_of(keys: Iterable[str]) -> re.Pattern[bytes]:
    """Return the pattern of the values that these keys have in JSON.

    A key may contain the beginning of the object that it is the first of: `k":{"t`.
    """
    names = b"|".join(re.escape(key.encode()) for key in keys)
    return re.compile(rb'("(?:' + names + rb')"\s*:\s*"?)((?<=")[^"]*|\d+)')


class Redating:
    """Shifts times so that the recording, whose first line was received at `first` (ns), happens
    now, `speed` times as fast.

    The times of one frame are scaled like all others: at twice the speed, what was 24 hours before
    the recording is 12 hours before now. At infinite speed every time is that of the sending.
    """

    def __init__(self, first: int, speed: float) -> None:
        self._first = first
        self._speed = speed
        # A receive time, and the wall's time at which its line was sent; both in ns.
        self._line = first
        self._sent: int | None = None

    def follow(self, line: int, now: int | None = None) -> None:
        """Note that the line received at `line` is sent now."""
        now = time.time_ns() if now is None else now
        due = None if self._sent is None else self._moved(line)
        if due is None or self._speed == float("inf") or now - due > LARGEST_DELAY:
            self._line, self._sent = line, now

    def redated(self, frame: bytes, times: re.Pattern[bytes]) -> bytes:
        """Return the frame with its times shifted; `times` is the pattern that finds them."""
        return times.sub(self._replacement, frame)

    def _replacement(self, match: re.Match[bytes]) -> bytes:
        return match[1] + self._shifted(match[2].decode()).encode()

    def _shifted(self, text: str) -> str:
        if text.isdecimal():
            return self._number(text)
        if instant := INSTANT.fullmatch(text):
            return self._instant(*instant.groups())
        if DAY.fullmatch(text):
            return self._day(text)
        return self._mail_date(text)

    def _number(self, text: str) -> str:
        number = int(text)
        for unit in UNITS:
            if abs(number * unit - self._first) < FURTHEST:
                return str(self._moved(number * unit) // unit)
        return text

    def _instant(
        self, day: str, between: str, hour: str, fraction: str | None, zone: str | None
    ) -> str:
        moment = datetime.fromisoformat(f"{day}T{hour}{zone or 'Z'}")
        digits = (fraction or ".")[1:]
        instant = int(moment.timestamp()) * NANOSECONDS + int(digits[:9].ljust(9, "0"))
        if abs(instant - self._first) > FURTHEST:
            return day + between + hour + (fraction or "") + (zone or "")
        seconds, rest = divmod(self._moved(instant), NANOSECONDS)
        moved = datetime.fromtimestamp(seconds, moment.tzinfo)
        new_fraction = "." + f"{rest:09}".ljust(len(digits), "0")[: len(digits)] if digits else ""
        return f"{moved:%Y-%m-%d}{between}{moved:%H:%M:%S}{new_fraction}{zone or ''}"

    def _day(self, text: str) -> str:
        """A day keeps its distance from that of the recording."""
        days = _date(self._moved(self._first)) - _date(self._first)
        return str(date.fromisoformat(text) + days)

    def _mail_date(self, text: str) -> str:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return text
        moved = self._moved(int(moment.timestamp()) * NANOSECONDS)
        return format_datetime(datetime.fromtimestamp(moved // NANOSECONDS, moment.tzinfo or UTC))

    def _moved(self, instant: int) -> int:
        if self._sent is None:
            self._sent = time.time_ns()
        distance = instant - self._line
        return self._sent + (distance if self._speed == 1 else round(distance / self._speed))


def _date(instant: int) -> date:
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=instant // NANOSECONDS)).date()
