"""The contract of who tells finished days over HTTP: data and pure functions, no socket.

Adding one: copy `histories/coinbase.py`, write its functions, add a line to `HISTORIES` in
`history.py`, and give `tests/feeds/past_days.py` replies of it.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol, TypeAlias

from msgspec import Struct

from omcrm.feeds.provider import (
    AccessDenied,
    Call,
    PollLimits,
    Provider,
    Reply,
    RequestRejected,
    Unreadable,
)
from omcrm.market.daily_bar import DailyBar

_DAY = timedelta(days=1)


class HistoryRequest(Struct, frozen=True):
    """What is asked for: the days from `first` to `last`, both included, as of `now`.

    `names` maps the provider's spelling of a symbol to ours.
    """

    names: Mapping[str, str]
    first: date
    last: date
    now: datetime

    def holds(self, day: date) -> bool:
        """Whether a day is asked for; upstreams tell more, such as the day that is not over."""
        return self.first <= day <= self.last

    def days(self) -> Iterator[date]:
        """Every calendar day that is asked for, oldest first."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * _DAY


HistoryEvent: TypeAlias = DailyBar | RequestRejected | AccessDenied | Unreadable


class HistoryProvider(Provider, Protocol):
    """An upstream that is asked for finished days."""

    @property
    def limits(self) -> PollLimits:
        """Its budgets, which are those of its poller where it has one; `batch` symbols fit into
        one call."""

    @property
    def reach(self) -> int:
        """How many calendar days back it tells."""

    def calls(self, past: HistoryRequest) -> list[Call]:
        """The calls that ask for these days, in the order of the names."""

    def parse(self, call: Call, reply: Reply, past: HistoryRequest) -> list[HistoryEvent]:
        """The finished days that a reply tells; never raises, whatever it is."""
