"""Checks every price that is shown, twenty times a second."""

import threading
import time
from collections import deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from msgspec import Struct

from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from simulator.drill.setup import DrillSetup

_INTERVAL = 0.05
_TRUTH_EVERY = 0.25
_SLACK = 0.05
# The manager reviews ages about twice a second, on a busy machine less often.
_REVIEWED_WITHIN = 10.0
# Prices that are asked for may be those of the last trading day, which is not longer ago.
_OLDEST_ASKED = timedelta(days=5)
# The market moves between reading the price and reading the truth.
_WRONG = Decimal("0.05")


class Observation(Struct, frozen=True):
    """The active source and price class of each symbol at one moment (monotonic seconds), and the
    state of the drilled feed; `refused` counts rejected ticks and unknown conditions."""

    at: float
    active_sources: dict[str, tuple[str, PriceClass]]
    active: bool
    problem: str | None
    refused: int


class PriceMonitor:
    """Checks a setup's prices in a thread of its own; `wrong` lists prices shown as live that were
    not.

    `remember` is the number of observations kept. A price is too old if it was so at the manager's
    last review: a busy machine delays reviews, and more so where time passes faster. Missing
    reviews are reported, too.
    """

    def __init__(self, setup: DrillSetup, remember: int | None = None) -> None:
        self.observations: deque[Observation] = deque(maxlen=remember)
        self.wrong: list[str] = []
        self._setup = setup
        self._truth: dict[str, Decimal] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="price-monitor", daemon=True)
        self._reviewed = (setup.manager.engine.reviewed_at, time.monotonic())
        # The operating system's delays are longer where time passes faster.
        self._way_slack = timedelta(seconds=(setup.feed_clock.speed - 1) * _SLACK)
        self._policies = {
            instrument.symbol: POLICIES[instrument.asset_class] for instrument in setup.instruments
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def all_live(self) -> bool:
        """Whether the setup's active source supplies every symbol, in its usual class."""
        if not self.observations:
            return False
        wanted = (self._setup.active_source, self._setup.usual_class)
        active_sources = self.observations[-1].active_sources
        return all(
            active_sources.get(instrument.symbol) == wanted
            for instrument in self._setup.instruments
        )

    def _run(self) -> None:
        asked_at = float("-inf")
        try:
            while not self._done.wait(_INTERVAL):
                now = time.monotonic()
                if now - asked_at >= _TRUTH_EVERY:
                    self._truth, asked_at = self._setup.truth(), now
                self._observe(now)
        except Exception as error:
            # A monitor that has ended finds nothing wrong.
            self.wrong.append(f"the price monitor ended: {error!r}")
            raise

    def _observe(self, now: float) -> None:
        manager = self._setup.manager
        self._note_review(manager.engine.reviewed_at, now)
        quotes = manager.cache.snapshot()
        for symbol, quote in quotes.items():
            problem = self._problem(quote, self._policies[symbol])
            if problem and len(self.wrong) < 1000:
                self.wrong.append(f"{symbol} {problem}")
        active_source = self._setup.active_source
        status = manager.status()[active_source] if active_source is not None else None
        active_sources = {
            symbol: (quote.source.name, quote.price_class) for symbol, quote in quotes.items()
        }
        refused = sum(
            count
            for reason, count in manager.engine.validator.rejected.items()
            if reason != "older"
        )
        refused += status.unknown_conditions if status else 0
        active, problem = (status.active, status.last_error) if status else (True, None)
        self.observations.append(Observation(now, active_sources, active, problem, refused))

    def _note_review(self, reviewed_at: datetime | None, now: float) -> None:
        if reviewed_at != self._reviewed[0]:
            self._reviewed = (reviewed_at, now)
        elif now - self._reviewed[1] > _REVIEWED_WITHIN:
            self.wrong.append(f"no review for {_REVIEWED_WITHIN:g} s")
            self._reviewed = (reviewed_at, now)

    def _problem(self, quote: Quote, policy: Policy) -> str | None:
        """What is wrong with a price that is shown as live, or as indicative; None for nothing."""
        now = self._setup.clock()
        if quote.price_class is PriceClass.INDICATIVE:
            is_old = quote.provider_time is not None and now - quote.provider_time > _OLDEST_ASKED
            return f"indicative, but of {quote.provider_time}" if is_old else None
        if quote.price_class is not PriceClass.LIVE:
            return None
        age = quote.age(min(now, self._setup.manager.engine.reviewed_at or now))
        if age > policy.max_age:
            return f"live, but {age.total_seconds():.2f} s old"
        way = _way(quote)
        if way is not None and way > policy.max_age + self._way_slack:
            return f"live, but {way.total_seconds():.1f} s on its way"
        truth = self._truth.get(quote.symbol)
        price = quote.last
        if truth is not None and abs(price - truth) > truth * _WRONG:
            return f"live at {price}, but the market is at {truth}"
        return None


def _way(quote: Quote) -> timedelta | None:
    """The time from the last trade to its receipt, by the trade's own time; None without one."""
    if quote.provider_time is None:
        return None
    return quote.last_received_at - quote.provider_time
