"""All feeds of an installation: started, stopped and queried together."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.lease import Leases
from omcrm.feeds.own_clock import OwnClock
from omcrm.feeds.poll_schedule import Polling, PollSchedule
from omcrm.feeds.poller import Poller
from omcrm.feeds.quota import BudgetUse, CallCounts
from omcrm.feeds.registry import POLLS, STREAMS, polls, streams
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.clock import Clock
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.source import SIMULATED, HealthState

Feed: TypeAlias = Supervisor | Poller


class FeedSet:
    """The feeds by the name of their source.

    `wanted` gives how urgently a source is to be polled for a symbol, see PollSchedule. `folder`
    holds the call counts and leases that all processes of this machine share.
    """

    def __init__(
        self,
        settings: FeedSettings,
        reports: FeedCallbacks,
        clock: Clock,
        folder: Path,
        wanted: Callable[[str, str], int],
        timing: SupervisorTiming | None = None,
        polling: Polling | None = None,
    ) -> None:
        self._reports = reports
        self._named = [name for name in settings.urls if name != SIMULATED.name]
        feed_clock = (timing or SupervisorTiming()).feed_clock
        leases, call_counts, keys = Leases(folder), CallCounts(folder), settings.keys
        own_clock = OwnClock(clock, feed_clock)
        self.feeds: dict[str, Feed] = {
            name: Supervisor(
                provider, reports, clock, timing, keys, leases, own_clock, settings.replay_of
            )
            for name, provider in streams(settings).items()
        }
        for name, poll_provider in polls(settings).items():
            schedule = PollSchedule(polling or Polling(), poll_provider.limits, _of(wanted, name))
            self.feeds[name] = Poller(
                poll_provider,
                reports,
                clock,
                call_counts,
                keys,
                schedule,
                feed_clock,
                settings.replay_of,
            )

    def start(self) -> None:
        """Start all feeds, in the background."""
        # First of all, so that no source is asked because a better one has not been started yet.
        for name in self.feeds:
            self._reports.condition(name, HealthState.PENDING, 0)
        for feed in self.feeds.values():
            feed.start()

    def stop(self) -> None:
        """Stop all feeds, and wait until their threads have ended."""
        for feed in self.feeds.values():
            feed.begin_stop()
        for feed in self.feeds.values():
            feed.stop()

    def is_stream(self, source: str) -> bool:
        """Whether this source streams, and is set up."""
        return isinstance(self.feeds.get(source), Supervisor)

    def awaits(self, symbol: str, sources: Iterable[str]) -> bool:
        """Whether a polled one of these sources is being asked for a symbol, or about to be."""
        feeds = (self.feeds.get(source) for source in sources)
        return any(isinstance(feed, Poller) and feed.awaits(symbol) for feed in feeds)

    def status(self) -> dict[str, FeedStatus]:
        """The status of every source that the settings name, in the registry's order; the built-in
        exchange only where there is one."""
        kinds = {**dict.fromkeys(STREAMS, "websocket"), **dict.fromkeys(POLLS, "http")}
        off = {
            name: FeedStatus(state=FeedState.OFF, active=False, type=kind)
            for name, kind in kinds.items()
            if name in self._named
        }
        return off | {name: feed.status() for name, feed in self.feeds.items()}

    def uses(self) -> dict[str, list[BudgetUse]]:
        """The use of the call budgets of each polled source."""
        return {name: feed.uses() for name, feed in self.feeds.items() if isinstance(feed, Poller)}


class FeedActivity:
    """Detects that a source starts or stops bringing prices, which its states alone do not show."""

    def __init__(self) -> None:
        self._active: dict[str, bool] = {}

    def has_changed(self, source: str, status: FeedStatus) -> bool:
        """Whether `active` differs from the last call; a source is inactive at first."""
        before = self._active.get(source, False)
        self._active[source] = status.active
        return before is not status.active


def _of(wanted: Callable[[str, str], int], source: str) -> Callable[[str], int]:
    return lambda symbol: wanted(source, symbol)
