"""What pages and programs ask of the engine, wherever it runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from omcrm.feeds.quota import BudgetUse
from omcrm.market.explanation import Explanation
from omcrm.market.feed_status import FeedStatus
from omcrm.market.quote import Quote
from omcrm.market.validation import RejectedTick


class EngineDetails(Struct, frozen=True):
    """What those see who look after the feeds: the newest rejected ticks, newest first, and each
    symbol's quotes of all sources in the policy's order."""

    rejected: tuple[RejectedTick, ...] = ()
    chains: dict[str, tuple[Quote, ...]] = {}


class Companion(Protocol):
    """Something that runs while the feeds run; starting or stopping twice is harmless."""

    def start(self) -> None:
        """Begin, in the background."""

    def stop(self) -> None:
        """End, and wait for it."""


class MarketEngine(Protocol):
    """The feeds of an installation: in this process, or asked over the bus.

    What is asked over the bus raises EngineUnreached where no answer comes in time.
    """

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run."""

    @property
    def since(self) -> datetime | None:
        """Since when the feeds run; None while they do not."""

    def becomes(self, running: bool) -> bool:
        """Whether the feeds run, or do not, as they were told to, at most a moment later."""

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source."""

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of the polled sources stand."""

    def failure(self) -> str | None:
        """Why no price can be expected; None where all is well, or the feeds need not run."""

    def rejected(self) -> Mapping[str, int]:
        """How many ticks were rejected, by reason."""

    def standbys(self) -> Mapping[str, str | None]:
        """The standby of each followed symbol."""

    def details(self) -> EngineDetails:
        """The newest rejected ticks, and what each source reports of each symbol."""

    def explain(self, symbol: str) -> Explanation | None:
        """Why the price of a symbol is what it is; None where it is not followed."""
