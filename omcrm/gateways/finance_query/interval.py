"""The snapshot of one interval: the market when it began, with a cache of what is computed."""

import logging
import threading
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.market.quote import Quote
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away
from omcrm.web.market_access import MarketAccess

_failures = ThrottledLog(logging.getLogger(__name__))

Count = Callable[[str, str, int], None]
T = TypeVar("T")
Other = TypeVar("Other")


class _Memo:
    """A value that is computed on first use; concurrent callers wait for it."""

    __slots__ = ("_is_made", "_lock", "_made")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_made = False
        self._made: Any = None

    def get(self, make: Callable[[], Any]) -> Any:
        if self._is_made:
            return self._made
        with self._lock:
            if not self._is_made:
                self._made = make()
                self._is_made = True
        return self._made


class IntervalSnapshot:
    """The market at the start of one interval; thread-safe.

    `began` is monotonic, `at` the same moment in UTC. `count` takes the name of a channel, the
    name of a counter and a number.
    """

    def __init__(
        self, began: float, at: datetime, market: MarketAccess, archive: CloseHistory, count: Count
    ) -> None:
        self.began = began
        self.at = at
        self.quotes: Mapping[str, Quote] = market.cache.snapshot()
        self.instruments = market.instruments
        self.news = market.news
        self.archive = archive
        self._count = count
        self._lock = threading.Lock()
        self._made: dict[Hashable, _Memo] = {}

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make`, which is called once for each key unless it raises."""
        with self._lock:
            cached = self._made.setdefault(key, _Memo())
        made: T = cached.get(make)
        return made

    def computed(self, channel: str, key: Hashable, make: Callable[[], T]) -> T:
        """Like `cached`; counts the call as a computation of this channel."""

        def counted() -> T:
            self._count(channel, "computed", 1)
            return make()

        return self.cached((channel, key), counted)


def or_fallback(make: Callable[[], T], otherwise: Other) -> T | Other:
    """The result of `make`, or `otherwise` where it raises, which is logged."""
    try:
        return make()
    except Exception as error:
        if not database_away.is_away(error):
            _failures.exception("a part of a message could not be made")
        return otherwise
