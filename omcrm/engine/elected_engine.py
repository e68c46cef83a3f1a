"""The engine of an installation with several processes, from the view of one of them."""

from collections.abc import Callable, Mapping
from datetime import datetime

from omcrm.engine.bus import Bus, FeedChanged
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_engine import EngineDetails, MarketEngine
from omcrm.engine.remote_engine import RemoteEngine
from omcrm.feeds.quota import BudgetUse
from omcrm.market.explanation import Explanation
from omcrm.market.feed_status import FeedStatus


class ElectedEngine:
    """This process's engine while it has the lease, else that of the process which has it."""

    def __init__(
        self, own: FeedEngine, other: RemoteEngine, token: Callable[[], int | None]
    ) -> None:
        self._own = own
        self.other = other
        self._token = token

    @property
    def own(self) -> FeedEngine | None:
        """This process's engine, while it has the lease."""
        return self._own if self._token() is not None else None

    def on_change(self, bus: Bus, handler: Callable[[], object]) -> None:
        """Call this when a feed is in another state, as `status` has it then."""
        bus.subscribe(FeedChanged, lambda _: handler() if self.own is not None else None)
        self.other.on_change(lambda: handler() if self.own is None else None)

    @property
    def _elected(self) -> MarketEngine:
        return self.own or self.other

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run."""
        return self._elected.running

    @property
    def since(self) -> datetime | None:
        """Since when the feeds run; None while they do not."""
        return self._elected.since

    def becomes(self, running: bool) -> bool:
        """Whether the feeds run, or do not, as they were told to, at most a moment later."""
        return self._elected.becomes(running)

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source; before the first report, that none runs."""
        return self._elected.status() or self._own.status()

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of the polled sources stand."""
        return self._elected.uses()

    def failure(self) -> str | None:
        """Why no price can be expected."""
        return self._elected.failure()

    def rejected(self) -> Mapping[str, int]:
        """How many ticks were rejected, by reason."""
        return self._elected.rejected()

    def standbys(self) -> Mapping[str, str | None]:
        """The standby of each followed symbol."""
        return self._elected.standbys()

    def details(self) -> EngineDetails:
        """The newest rejected ticks, and what each source reports of each symbol."""
        return self._elected.details()

    def explain(self, symbol: str) -> Explanation | None:
        """Why the price of a symbol is what it is; None where it is not followed."""
        return self._elected.explain(symbol)
