"""The contract of a provider of finished days over HTTP: data and pure functions, no socket.

Adding one: copy `providers/coinbase/history.py`, and declare it in the `__init__.py` of the folder.
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
    """The days that are requested: from `first` to `last`, both included, as of `now`.

    `names` maps the provider's spelling of a symbol to ours.
    """

    names: Mapping[str, str]
    first: date
    last: date
    now: datetime

    def holds(self, day: date) -> bool:
        """Whether a day is requested; upstreams send more, such as the day that is not over."""
        return self.first <= day <= self.last

    def days(self) -> Iterator[date]:
        """Every calendar day that is requested, oldest first."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * _DAY


HistoryEvent: TypeAlias = DailyBar | RequestRejected | AccessDenied | Unreadable


class HistoryProvider(Provider, Protocol):
    """An upstream that has finished days."""

    @property
    def limits(self) -> PollLimits:
        """Its budgets, which are those of its poller where it has one; `batch` symbols fit into
        one call."""

    @property
    def reach(self) -> int:
        """How many calendar days back it has."""

    def calls(self, request: HistoryRequest) -> list[Call]:
        """The calls that request these days, in the order of the names."""

    def parse(self, call: Call, reply: Reply, request: HistoryRequest) -> list[HistoryEvent]:
        """The finished days in a reply; never raises, whatever the bytes are."""
