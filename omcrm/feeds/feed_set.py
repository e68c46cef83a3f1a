"""Every source of an installation as something that can be started, stopped and asked about."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from omcrm.feeds.lease import Leases
from omcrm.feeds.pace import Pace
from omcrm.feeds.poller import Poller, Polling, Rhythm
from omcrm.feeds.quota import Ledger, Use
from omcrm.feeds.registry import POLLS, STREAMS, FeedSettings, polls, streams
from omcrm.feeds.status import FeedState, FeedStatus
from omcrm.feeds.supervisor import Reports, Supervisor
from omcrm.market.clock import Clock
from omcrm.market.source import SIMULATED

Feed: TypeAlias = Supervisor | Poller


class Lineup:
    """The feeds by the name of their source; `wanted` tells how urgently a source is to be asked
    for a symbol.

    In `folder` calls are counted and keys shared with the other processes of this machine.
    """

    def __init__(
        self,
        settings: FeedSettings,
        reports: Reports,
        clock: Clock,
        folder: Path,
        wanted: Callable[[str, str], int],
        pace: Pace | None = None,
        polling: Polling | None = None,
    ) -> None:
        self._named = [name for name in settings.urls if name != SIMULATED.name]
        timing = (pace or Pace()).timing
        leases, ledger, keys = Leases(folder), Ledger(folder), settings.keys
        self.feeds: dict[str, Feed] = {
            name: Supervisor(provider, reports, clock, pace, keys, leases)
            for name, provider in streams(settings).items()
        }
        for name, asked in polls(settings).items():
            rhythm = Rhythm(polling or Polling(), asked.limits, _of(wanted, name))
            self.feeds[name] = Poller(asked, reports, clock, ledger, keys, rhythm, timing)

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

    def uses(self) -> dict[str, list[Use]]:
        """How the budgets of those stand that are asked."""
        return {name: feed.uses() for name, feed in self.feeds.items() if isinstance(feed, Poller)}


class Turns:
    """Tells when a source begins or ceases to bring prices, which its states alone do not."""

    def __init__(self) -> None:
        self._active: dict[str, bool] = {}

    def has_turned(self, source: str, status: FeedStatus) -> bool:
        """Whether this is news; a source that never brought any is none."""
        before = self._active.get(source, False)
        self._active[source] = status.active
        return before is not status.active


def _of(wanted: Callable[[str, str], int], source: str) -> Callable[[str], int]:
    return lambda symbol: wanted(source, symbol)
