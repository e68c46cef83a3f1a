"""Counts calls to upstreams against their budgets, for all processes of this machine."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from omcrm.feeds.lease import lease_name
from omcrm.feeds.provider import AccessDenied, Budget

LENGTHS: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    # Longer than any month: this far after a month's first day is in the next one.
    "month": timedelta(days=32),
}
"""How long a budget's period is, at most."""
# Of two processes at a boundary, one may read the clock first and count last.
_SKEW = timedelta(seconds=5)
# A refusal for longer than any minute's budget is one of the day or month.
_TOO_MANY, _LONG_WAIT = 429, 600.0


class BudgetUse(Struct, frozen=True):
    """The use of one budget; `ends_at` is when it is used up at the present rate, if that is before
    it renews at `renews_at`."""

    budget: Budget
    used: int
    renews_at: datetime
    ends_at: datetime | None

    @property
    def left(self) -> int:
        """The calls that may still be made."""
        return max(0, self.budget.calls - self.used)


class _Count(Struct):
    began: Annotated[datetime, Meta(tz=True)]
    used: Annotated[int, Meta(ge=0)]


class CallCounts:
    """Counts calls by upstream and key in files that outlive the process.

    Safe among threads and processes: a count is read, checked and written under one lock of its
    file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(
        self, source: str, api_key: str, budgets: Sequence[Budget], now: datetime
    ) -> datetime | None:
        """Count one call and return None, or count nothing and return when one is allowed."""
        with self._counts(source, api_key) as counts:
            uses = [(budget, _current(counts, budget, now)) for budget in budgets]
            waits = [
                renewal(count.began, budget) for budget, count in uses if count.used >= budget.calls
            ]
            if waits:
                return max(waits)
            for budget, count in uses:
                count.used += 1
                counts[_key(budget)] = count
        return None

    def give_back(
        self, source: str, api_key: str, budgets: Sequence[Budget], now: datetime
    ) -> None:
        """Take back a call that was counted but not made."""
        with self._counts(source, api_key) as counts:
            for budget in budgets:
                count = _current(counts, budget, now)
                counts[_key(budget)] = _Count(count.began, max(0, count.used - 1))

    def uses(
        self, source: str, api_key: str, budgets: Sequence[Budget], now: datetime
    ) -> list[BudgetUse]:
        """The use of the budgets, the one that ends first at the front."""
        with self._counts(source, api_key, write=False) as counts:
            uses = [_use(budget, _current(counts, budget, now), now) for budget in budgets]
        return sorted(uses, key=lambda use: use.ends_at or use.renews_at + LENGTHS["month"])

    def exhaust(self, source: str, api_key: str, budget: Budget, now: datetime) -> None:
        """Mark a budget as used up because the upstream reports so, whatever was counted."""
        with self._counts(source, api_key) as counts:
            count = _current(counts, budget, now)
            counts[_key(budget)] = _Count(count.began, max(count.used, budget.calls))

    def note_refusal(
        self,
        source: str,
        api_key: str,
        budgets: Sequence[Budget],
        refusal: AccessDenied,
        now: datetime,
    ) -> None:
        """Mark the longest budget as used up where a refusal means the day's or month's calls.

        The upstream's count prevails, also after a restart.
        """
        if refusal.status == _TOO_MANY and (refusal.retry_after or 0.0) > _LONG_WAIT:
            longest = max(budgets, key=lambda budget: LENGTHS[budget.period])
            with contextlib.suppress(OSError):
                self.exhaust(source, api_key, longest, now)

    @contextlib.contextmanager
    def _counts(
        self, source: str, api_key: str, *, write: bool = True
    ) -> Iterator[dict[str, _Count]]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{lease_name(source, api_key)}.quota"
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            counts = _decoded(file.read())
            yield counts
            if write:
                file.seek(0)
                file.write(msgspec.json.encode(counts))
                file.truncate()


def period(moment: datetime, budget: Budget) -> datetime:
    """The beginning of the budget's period that `moment` is in."""
    start = moment.astimezone(UTC).replace(second=0, microsecond=0)
    if budget.period == "minute":
        return start
    start = start.replace(minute=0)
    if budget.period == "hour":
        return start
    start = start.replace(hour=0)
    return start if budget.period == "day" else start.replace(day=1)


def renewal(began: datetime, budget: Budget) -> datetime:
    """When the period that began at `began` is over."""
    if budget.period == "month":
        return (began + LENGTHS["month"]).replace(day=1)
    return began + LENGTHS[budget.period]


def _key(budget: Budget) -> str:
    return f"{budget.calls}/{budget.period}"


def _current(counts: dict[str, _Count], budget: Budget, now: datetime) -> _Count:
    began, count = period(now, budget), counts.get(_key(budget))
    if count is not None and began <= count.began <= now + _SKEW:
        return count
    return _Count(began, 0)


def _use(budget: Budget, count: _Count, now: datetime) -> BudgetUse:
    renews_at, ends_at = renewal(count.began, budget), None
    elapsed = (now - count.began).total_seconds()
    if count.used >= budget.calls:
        ends_at = now
    elif count.used and elapsed > 0:
        left = timedelta(seconds=(budget.calls - count.used) * elapsed / count.used)
        ends_at = now + left if now + left < renews_at else None
    return BudgetUse(budget, count.used, renews_at, ends_at)


def _decoded(text: bytes) -> dict[str, _Count]:
    # A file that a crash has cut short starts at zero.
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(text, type=dict[str, _Count])
    return {}
