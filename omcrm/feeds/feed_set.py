"""Every source of an installation as something that can be started, stopped and asked about."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from omcrm.feeds.lease import Leases
from omcrm.feeds.poller import Poller, Polling, PollSchedule
from omcrm.feeds.quota import BudgetUse, CallCounts
from omcrm.feeds.registry import POLLS, STREAMS, FeedSettings, polls, streams
from omcrm.feeds.status import FeedState, FeedStatus
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.clock import Clock
from omcrm.market.source import SIMULATED

Feed: TypeAlias = Supervisor | Poller


class FeedSet:
    """The feeds by the name of their source; `wanted` tells how urgently a source is to be asked
    for a symbol.

    In `folder` calls are counted and keys shared with the other processes of this machine.
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
        self._named = [name for name in settings.urls if name != SIMULATED.name]
        feed_clock = (timing or SupervisorTiming()).feed_clock
        leases, call_counts, keys = Leases(folder), CallCounts(folder), settings.keys
        self.feeds: dict[str, Feed] = {
            name: Supervisor(provider, reports, clock, timing, keys, leases)
            for name, provider in streams(settings).items()
        }
        for name, asked in polls(settings).items():
            schedule = PollSchedule(polling or Polling(), asked.limits, _of(wanted, name))
            self.feeds[name] = Poller(
                asked, reports, clock, call_counts, keys, schedule, feed_clock
            )

    def start(self) -> None:
        """Start them all, in the background."""
        for feed in self.feeds.values():
            feed.start()

    def stop(self) -> None:
        """Stop them all, and wait until their threads are gone."""
        for feed in self.feeds.values():
            feed.begin_stop()
        for feed in self.feeds.values():
            feed.stop()

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source that may be asked, in the registry's order; the built-in
        exchange only where there is one."""
        kinds = {**dict.fromkeys(STREAMS, "websocket"), **dict.fromkeys(POLLS, "http")}
        off = {
            name: FeedStatus(state=FeedState.OFF, active=False, type=kind)
            for name, kind in kinds.items()
            if name in self._named
        }
        return off | {name: feed.status() for name, feed in self.feeds.items()}

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of those stand that are asked."""
        return {name: feed.uses() for name, feed in self.feeds.items() if isinstance(feed, Poller)}


class FeedActivity:
    """Tells when a source begins or ceases to bring prices, which its states alone do not."""

    def __init__(self) -> None:
        self._active: dict[str, bool] = {}

    def has_changed(self, source: str, status: FeedStatus) -> bool:
        """Whether this is news; a source that never brought any is none."""
        before = self._active.get(source, False)
        self._active[source] = status.active
        return before is not status.active


def _of(wanted: Callable[[str, str], int], source: str) -> Callable[[str], int]:
    return lambda symbol: wanted(source, symbol)
