"""Binance's bar intervals and the open time of each bar."""

from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
# 1970-01-01 was a Thursday, Binance's weeks begin on Monday.
FIRST_MONDAY = 4 * DAY

LENGTHS: dict[str, int] = {
    "1s": SECOND,
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": WEEK,
    "1M": 0,
}
INTERVALS_OF_DAYS = frozenset({"1d", "3d", "1w", "1M"})


def opening(interval: str, time: int) -> int:
    """Return the open time of the bar of `interval` that contains `time`, in ms."""
    if interval == "1M":
        return _month(time, 0)
    if interval == "1w":
        return (time - FIRST_MONDAY) // WEEK * WEEK + FIRST_MONDAY
    length = LENGTHS[interval]
    return time // length * length


def closing(interval: str, open_time: int) -> int:
    """Return the last millisecond of the bar that opens at `open_time`."""
    if interval == "1M":
        return _month(open_time, 1) - 1
    return open_time + LENGTHS[interval] - 1


def _month(time: int, later: int) -> int:
    day = datetime.fromtimestamp(time / SECOND, UTC)
    years, month = divmod(day.month - 1 + later, 12)
    return int(datetime(day.year + years, month + 1, 1, tzinfo=UTC).timestamp()) * SECOND
