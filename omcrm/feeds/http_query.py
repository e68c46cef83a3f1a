"""Makes HTTP calls to upstreams on request, beside the pollers and from the same budgets."""

import contextlib
import threading
import time
from datetime import datetime

from msgspec import Struct

from omcrm.errors import FeedError, FeedRefused, FeedUnreached
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Budget, Call, Reply
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.status import masked
from omcrm.feeds.timing import ORDINARY
from omcrm.market.clock import Clock
from omcrm.market.feed_event import FeedCode, FeedFigures

# No answer takes longer, so that `close` takes effect soon.
_LONGEST_ANSWER = 15.0
_LEAST = 0.1


class CallQuota(Struct, frozen=True):
    """What a call is counted against: the budgets of a source and of the key it is asked with."""

    source: str
    api_key: str
    budgets: tuple[Budget, ...]


class HttpQuery:
    """One round of calls; thread-safe, and `close` ends it from any thread.

    It ends after `seconds`. It waits `renewal_wait` seconds at most for a budget to renew.
    """

    def __init__(
        self,
        call_counts: CallCounts,
        keys: Keys,
        clock: Clock,
        seconds: float,
        renewal_wait: float = 0.0,
    ) -> None:
        self.clock = clock
        self._call_counts = call_counts
        self._keys = keys
        self._until = time.monotonic() + seconds
        self._renewal_wait = renewal_wait
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._fetchers: dict[str, Fetcher] = {}

    @property
    def is_over(self) -> bool:
        """Whether no more calls are made."""
        return self._closed.is_set() or self._left() < _LEAST

    def get(self, quota: CallQuota, call: Call) -> Reply:
        """The upstream's reply; raises FeedError where there is none or no call is allowed."""
        self._count_call(quota)
        try:
            return self._fetcher(quota.source).get(call, self._left())
        except FeedError as error:
            if isinstance(error, FeedUnreached):
                self._give_back(quota)
            if self.is_over:
                raise FeedError(FeedCode.NO_TIME_LEFT) from None
            raise FeedError(error.problem.code, error.problem.figures) from None

    def note_refusal(self, quota: CallQuota, refusal: AccessDenied) -> FeedRefused:
        """Mark a budget that the upstream reports as used up; returns the refusal as an error."""
        self._call_counts.note_refusal(
            quota.source, quota.api_key, quota.budgets, refusal, self.clock()
        )
        return FeedRefused(refusal.status, refusal.message, refusal.retry_after)

    def _give_back(self, quota: CallQuota) -> None:
        with contextlib.suppress(OSError):
            self._call_counts.give_back(quota.source, quota.api_key, quota.budgets, self.clock())

    def hidden(self, text: str) -> str:
        """`text` without any key."""
        return masked(self._keys.hide(text))

    def close(self) -> None:
        """End all calls and make no more."""
        self._closed.set()
        with self._lock:
            fetchers = list(self._fetchers.values())
        for fetcher in fetchers:
            fetcher.close()

    def _left(self) -> float:
        return self._until - time.monotonic()

    def _count_call(self, quota: CallQuota) -> None:
        """Count a call; waits where its budget renews soon, raises FeedError where it does not."""
        renewed_by = time.monotonic() + self._renewal_wait
        while True:
            if self.is_over:
                is_closed = self._closed.is_set()
                raise FeedError(FeedCode.STOPPED if is_closed else FeedCode.NO_TIME_LEFT)
            allowed_at = self._take(quota)
            if allowed_at is None:
                return
            seconds = max(_LEAST, (allowed_at - self.clock()).total_seconds())
            if time.monotonic() + seconds > min(renewed_by, self._until):
                raise FeedError(FeedCode.QUOTA_USED_UP, FeedFigures(until=allowed_at))
            ORDINARY.wait(self._closed, seconds)

    def _take(self, quota: CallQuota) -> datetime | None:
        try:
            return self._call_counts.take(quota.source, quota.api_key, quota.budgets, self.clock())
        except OSError as error:
            # A call that cannot be counted is not made.
            figures = FeedFigures(detail=error.strerror)
            raise FeedError(FeedCode.CALLS_UNCOUNTED, figures) from None

    def _fetcher(self, source: str) -> Fetcher:
        with self._lock:
            fetcher = self._fetchers.get(source)
            if fetcher is None:
                fetcher = self._fetchers[source] = Fetcher(_LONGEST_ANSWER)
        if self._closed.is_set():
            fetcher.close()
        return fetcher
