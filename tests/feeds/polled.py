"""A poller of CoinGecko, or of variants of it, and all of its reports."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from omcrm.feeds.keys import Keys
from omcrm.feeds.poll_schedule import Polling, PollSchedule
from omcrm.feeds.poller import Poller
from omcrm.feeds.provider import Budget, Call, Event, FrameContext, PollLimits, Reply, Unreadable
from omcrm.feeds.providers import coingecko
from omcrm.feeds.providers.coingecko.poll import CoinGecko
from omcrm.feeds.providers.finnhub.poll import FinnhubQuote
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import ORDINARY, FeedClock
from omcrm.market.clock import Clock
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from tests.processes import wait_for
from tests.threads import Threads

NAMES = {"bitcoin": "BTC", "ethereum": "ETH"}


class Quick(CoinGecko):
    """CoinGecko with a short interval and a large budget."""

    limits = PollLimits(batch=250, interval=0.1, budgets=(Budget(10_000, "hour"),))


class QuickQuote(FinnhubQuote):
    """Finnhub's quotes with a short interval and a large budget: one symbol in each call."""

    limits = PollLimits(batch=1, interval=0.1, budgets=(Budget(10_000, "hour"),))


class Demanding(Quick):
    """CoinGecko with a required key."""

    def missing(self) -> str | None:
        return None if self.api_key() else coingecko.KEY.env


class Broken(Quick):
    """A provider with a programming error."""

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        raise RuntimeError(f"a mistake with {self.api_key()}")


class Half(Quick):
    """A provider that cannot read all of a reply."""

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        return [Unreadable("one part"), *super().parse(call, reply, arrival)]


class Watched:
    """A poller and all of its reports."""

    def __init__(
        self,
        url: str,
        state: Path,
        *,
        make: type[CoinGecko] | type[FinnhubQuote] = Quick,
        names: Mapping[str, str] = NAMES,
        polling: Polling | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        settings: Mapping[str, str] | None = None,
        wanted: Mapping[str, int] | None = None,
        feed_clock: FeedClock = ORDINARY,
    ) -> None:
        self.ticks: list[Tick] = []
        self.conditions: list[HealthState] = []
        self.changes: list[str] = []
        self.unserved: list[frozenset[str]] = []
        self.wanted = wanted or {}
        self.call_counts = CallCounts(state)
        self.threads = Threads()
        given = settings or {}
        keys = Keys(lambda name: given.get(name, ""))
        provider = make(f"{url}/api/v3", keys)
        schedule = PollSchedule(polling or Polling(interval=0.1), provider.limits, self._urgency)
        reports = FeedCallbacks(
            self.ticks.append,
            self._note,
            self.changes.append,
            unserved=lambda source, symbols: self.unserved.append(symbols),
        )
        self.poller = Poller(provider, reports, clock, self.call_counts, keys, schedule, feed_clock)
        self.poller.follow(names, lambda: True)

    def _note(self, source: str, condition: HealthState, connection: int) -> None:
        self.conditions.append(condition)

    def _urgency(self, symbol: str) -> int:
        return self.wanted.get(symbol, 1)

    @property
    def state(self) -> str:
        return self.poller.status().state.value

    @property
    def problem(self) -> str:
        return self.poller.status().last_error or ""

    @property
    def wait(self) -> float:
        """The seconds until its next call is allowed."""
        return self.poller._ask_at - time.monotonic()

    def wait_for_state(self, state: str) -> None:
        wait_for(lambda: self.state == state, 5, state)

    def wait_for_data(self) -> None:
        """Wait until another tick has come."""
        before = len(self.ticks)
        wait_for(lambda: len(self.ticks) > before, 5, "data")
