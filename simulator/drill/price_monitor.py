"""Checks every price that is shown, twenty times a second.

Long for a reason: all that makes a shown price wrong stands here.
"""

import threading
import time
from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from msgspec import Struct

from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.session import is_open
from simulator.drill.fault import DrillFault
from simulator.drill.market_history import MarketHistory
from simulator.drill.setup import DrillSetup, venue_of
from simulator.drill.violation import Violation, ViolationKind

_INTERVAL = 0.05
_TRUTH_EVERY = 0.25
_SLACK = 0.05
# The manager reviews ages about twice a second, on a busy machine less often.
_REVIEWED_WITHIN = 10.0
# Prices that are asked for may be those of the last trading day, which is not longer ago.
_OLDEST_ASKED = timedelta(days=5)
# What jitter and the longest transit of a network may hide, in seconds; and how long two live
# sources may contradict each other.
_HIDDEN, _PARTED = 1.5, 2.0
# The market moves between reading the price and reading the truth: for so long, by so much; by more
# where time passes faster.
_LATE = 0.5
_TOLERATED, _TOLERATED_FAST = Decimal("0.004"), Decimal("0.05")
# An honest source is no younger than its last trade; one that is further from the market than so
# much contradicts its own book, and is no evidence.
_ROOM, _NEAR = Decimal("0.01"), Decimal("0.005")
# A source that takes trades back does so within that.
_TAKEN_BACK = timedelta(seconds=0.25)
# A price is classed by what its market will be at the next review, which may be late.
_AHEAD = timedelta(seconds=1)
_REMEMBERED = 240.0
_MOST = 1000


class Observation(Struct, frozen=True):
    """The active source and price class of each symbol at one moment (monotonic seconds), and the
    state of the drilled feed; `refused` counts rejected ticks and unknown conditions,
    `is_diverging` whether two sources of a symbol are unusually far apart."""

    at: float
    active_sources: dict[str, tuple[str, PriceClass]]
    active: bool
    problem: str | None
    refused: int
    is_diverging: bool = False


class PriceMonitor:
    """Checks a setup's prices in a thread of its own; `wrong` lists prices shown as live that were
    not, `unknowable` counts the symbols' seconds with such prices that nothing contradicted.

    `remember` is the number of observations kept. A price is too old if it was so at the manager's
    last review: a busy machine delays reviews, and more so where time passes faster. Missing
    reviews are reported, too.
    """

    def __init__(self, setup: DrillSetup, remember: int | None = None) -> None:
        self.observations: deque[Observation] = deque(maxlen=remember)
        self.wrong: list[Violation] = []
        self.unknowable = 0.0
        self._setup = setup
        self._speed = setup.feed_clock.speed
        self._tolerated = _TOLERATED if self._speed == 1 else _TOLERATED_FAST
        self._history = MarketHistory(_REMEMBERED)
        self._asked_at = float("-inf")
        self._fault: DrillFault | None = None
        self._erring: frozenset[str] = frozenset()
        self._erred_until = float("inf")
        # Since when what a symbol shows is too far from the market.
        self._far_since: dict[str, float] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="price-monitor", daemon=True)
        self._reviewed = (setup.manager.engine.reviewed_at, time.monotonic())
        # The operating system's delays are longer where time passes faster.
        self._way_slack = timedelta(seconds=(self._speed - 1) * _SLACK)
        self._instruments = {instrument.symbol: instrument for instrument in setup.instruments}
        self._policies = {
            symbol: POLICIES[instrument.asset_class].of(symbol)
            for symbol, instrument in self._instruments.items()
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def begin(self, fault: DrillFault, sources: Collection[str]) -> None:
        """Note that a fault begins at these sources, and at all others of their providers."""
        venues = {venue_of(name) for name in sources}
        self._fault, self._erred_until = fault, float("inf")
        self._erring = frozenset(
            name for name in self._setup.settings.urls if _venue_of(name) in venues
        )

    def end(self) -> None:
        """Note that the fault ends; what came of it may be shown for the maximum age."""
        oldest = max(policy.max_age for policy in self._policies.values()).total_seconds()
        self._erred_until = time.monotonic() + (oldest + _HIDDEN) / self._speed + _LATE

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

    def all_fresh(self) -> bool:
        """Whether every symbol has a price of now, or of the close."""
        observed = self.observations[-1].active_sources.values() if self.observations else ()
        return all(price_class.is_fresh for _, price_class in observed)

    def _run(self) -> None:
        try:
            while not self._done.wait(_INTERVAL):
                if time.monotonic() - self._asked_at >= _TRUTH_EVERY:
                    self._ask()
                self._observe()
        except Exception as error:
            # A monitor that has ended finds nothing wrong.
            words = f"the price monitor ended: {error!r}"
            self.wrong.append(Violation(ViolationKind.UNCHECKED, words))
            raise

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        self._history.note(self._setup.truth(), self._asked_at)

    def _observe(self) -> None:
        manager = self._setup.manager
        quotes, now = manager.cache.snapshot(), time.monotonic()
        self._note_review(manager.engine.reviewed_at, now)
        for symbol, quote in quotes.items():
            violation = self._violation(quote, self._policies[symbol], now)
            if violation and len(self.wrong) < _MOST:
                self.wrong.append(violation)
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
        is_diverging = any(quote.divergence is not None for quote in quotes.values())
        self.observations.append(
            Observation(now, active_sources, active, problem, refused, is_diverging)
        )

    def _note_review(self, reviewed_at: datetime | None, now: float) -> None:
        if reviewed_at != self._reviewed[0]:
            self._reviewed = (reviewed_at, now)
        elif now - self._reviewed[1] > _REVIEWED_WITHIN:
            words = f"no review for {_REVIEWED_WITHIN:g} s"
            self.wrong.append(Violation(ViolationKind.UNCHECKED, words))
            self._reviewed = (reviewed_at, now)

    # What is wrong with a price

    def _violation(self, quote: Quote, policy: Policy, at: float) -> Violation | None:
        """What is wrong with a price that is shown as live, closed or indicative."""
        if quote.price_class is PriceClass.LIVE:
            return self._of_live(quote, policy, at)
        self._far_since.pop(quote.symbol, None)
        if quote.price_class is PriceClass.CLOSED:
            return self._of_closed(quote, policy, at)
        now, time_ = self._setup.clock(), quote.provider_time
        if quote.price_class is PriceClass.INDICATIVE and time_ and now - time_ > _OLDEST_ASKED:
            return _violation(ViolationKind.AGE, quote, f"of {time_}")
        return None

    def _of_live(self, quote: Quote, policy: Policy, at: float) -> Violation | None:
        now = self._setup.clock()
        age = quote.age(min(now, self._setup.manager.engine.reviewed_at or now))
        if age > policy.max_age:
            return _violation(ViolationKind.AGE, quote, f"{age.total_seconds():.2f} s old")
        way = _way(quote)
        if way is not None and way > policy.max_age + self._way_slack:
            return _violation(ViolationKind.AGE, quote, f"{way.total_seconds():.1f} s on its way")
        if self._was_true(quote, policy, at, at):
            self._far_since.pop(quote.symbol, None)
            return None
        truth = self._history.last(quote.symbol)
        assert truth is not None
        if self._may_be_taken_back(quote, now):
            return None
        if self._is_lie(quote, at):
            return self._of_lie(quote, policy, truth, at)
        is_channel = self._fault is not None and self._fault.is_channel
        kind = ViolationKind.CHANNEL if is_channel else ViolationKind.AGE
        known = (
            f"confirmed {age.total_seconds():.1f} s before a review {self._unreviewed():.1f} s ago"
        )
        return _violation(kind, quote, f"the market is at {truth} and has left it; {known}")

    def _may_be_taken_back(self, quote: Quote, now: datetime) -> bool:
        """Whether the source may be about to take a price back that it has just traded at."""
        return (
            self._fault is not None
            and self._fault.takes_back
            and quote.source.name in self._erring
            and now - quote.last_received_at < _TAKEN_BACK
        )

    def _is_lie(self, quote: Quote, at: float) -> bool:
        """Whether the source of a price says at present what is not true."""
        lies = self._fault is not None and self._fault.lies and at <= self._erred_until
        return lies and quote.source.name in self._erring

    def _of_lie(self, quote: Quote, policy: Policy, truth: Decimal, at: float) -> Violation | None:
        """What contradicts a wrong price that came in time: at least as many honest sources, whose
        own last prices are of now."""
        streams = self._setup.streams_of(self._instruments[quote.symbol])
        erring = [name for name in streams if name in self._erring]
        if len(erring) > self._count_honest(quote.symbol, policy, truth):
            self.unknowable += _INTERVAL * self._speed
            self._far_since.pop(quote.symbol, None)
            return None
        if abs(quote.last - truth) <= truth * (policy.max_divergence + _ROOM):
            self._far_since.pop(quote.symbol, None)
            return None
        since = self._far_since.setdefault(quote.symbol, at)
        if at - since <= self._seconds(_PARTED):
            return None
        return _violation(ViolationKind.SOURCE, quote, f"honest sources are at {truth}")

    def _count_honest(self, symbol: str, policy: Policy, truth: Decimal) -> int:
        """How many sources that do not err have a fresh price near the market's."""
        now = self._setup.clock()
        quotes = self._setup.manager.engine.consolidator.quotes_by_source(symbol)
        return sum(
            quote.source.claim is PriceClass.LIVE
            and name not in self._erring
            and quote.age(now) <= policy.max_age
            and abs(quote.last - truth) <= truth * _NEAR
            for name, quote in quotes.items()
        )

    def _of_closed(self, quote: Quote, policy: Policy, at: float) -> Violation | None:
        """What is wrong with a price of a closed market: that it is open, or that the price was not
        fresh at the close."""
        calendar = self._instruments[quote.symbol].calendar
        now, around = self._setup.clock(), _AHEAD * self._speed
        if is_open(calendar, now - around) and is_open(calendar, now + around):
            return _violation(ViolationKind.CLOSED, quote, "its market is open")
        if self._setup.closes_at is None:
            return None
        if self._was_true(quote, policy, min(at, self._setup.closes_at), at):
            return None
        truth = self._history.last(quote.symbol)
        return _violation(ViolationKind.CLOSED, quote, f"it was old then: the market is at {truth}")

    def _was_true(self, quote: Quote, policy: Policy, moment: float, at: float) -> bool:
        """Whether the market was at a price within its maximum age before a moment, or later."""
        oldest = policy.max_age.total_seconds() + _HIDDEN + self._unreviewed()
        since = moment - self._seconds(oldest)
        if self._history.has_been(quote.symbol, quote.last, since, self._tolerated):
            return True
        if self._asked_at >= at:
            return False
        # The price may be newer than what is known of the market.
        self._ask()
        return self._history.has_been(quote.symbol, quote.last, since, self._tolerated)

    def _unreviewed(self) -> float:
        """How long ago the manager's last review was, in seconds of the market."""
        now = self._setup.clock()
        return (now - (self._setup.manager.engine.reviewed_at or now)).total_seconds()

    def _seconds(self, market: float) -> float:
        """The wall's seconds in which so many of the market's pass for sure."""
        return market / self._speed + _LATE


def _venue_of(address: str) -> str | None:
    try:
        return venue_of(address)
    except KeyError:
        # A second address of a source.
        return None


def _violation(kind: ViolationKind, quote: Quote, words: str) -> Violation:
    shown = f"{quote.symbol} {quote.price_class} at {quote.last} from {quote.source.name}"
    return Violation(kind, f"{shown}, but {words}")


def _way(quote: Quote) -> timedelta | None:
    """The time from the last trade to its receipt, by the trade's own time; None without one."""
    if quote.provider_time is None:
        return None
    return quote.last_received_at - quote.provider_time
