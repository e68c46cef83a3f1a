"""The daily limit of requests, counted in files that outlive the process."""

import contextlib
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from omcrm.auth.credential import Caller
from omcrm.feeds.provider import Budget
from omcrm.feeds.quota import LENGTHS, CallCounts
from omcrm.streaming.throttled_log import ThrottledLog

_SOURCE = "finance_query"
# Count files that did not change for so many seconds belong to past days.
_OLD = 2 * LENGTHS["day"].total_seconds()

_log = ThrottledLog(logging.getLogger(__name__))


class RequestsLeft(Struct, frozen=True):
    """What is left of a day's requests; `seconds` is the time until the day ends."""

    limit: int
    remaining: int
    seconds: int


class DailyLimit:
    """Counts the requests of each API token and of each user's logins, by UTC days.

    Safe among threads and processes that share the folder.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._call_counts = CallCounts(folder)
        self._budget = Budget(most, "day")
        self._swept = ""

    def take(self, caller: Caller, now: datetime) -> RequestsLeft | None:
        """Count a request and return what is left; None where nothing was left."""
        counted_by = _counted_by(caller)
        try:
            self._sweep(now)
            if self._call_counts.take(_SOURCE, counted_by, [self._budget], now) is not None:
                return None
            use = self._call_counts.uses(_SOURCE, counted_by, [self._budget], now)[0]
        except OSError as error:
            # A full disk must not stop delivery: the request passes uncounted.
            _log.warning("a request could not be counted: %s", error.strerror)
            return RequestsLeft(self._budget.calls, self._budget.calls, 0)
        seconds = int((use.renews_at - now).total_seconds())
        return RequestsLeft(self._budget.calls, use.left, max(0, seconds))

    def _sweep(self, now: datetime) -> None:
        """Once a day, delete the count files that are older than two days."""
        today = now.astimezone(UTC).date().isoformat()
        if self._swept == today:
            return
        self._swept = today
        for path in self._folder.glob(f"{_SOURCE}-*.quota"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _OLD:
                    path.unlink()


def _counted_by(caller: Caller) -> str:
    # All logins of a user share one limit; each API token has its own.
    return caller.handle if caller.scopes is not None else f"user:{caller.user_id}"
