"""Finds the prices that a world's player shows and should not: it knows the truth.

Long for a reason: what each class promises is checked in one place.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from omcrm.market.amount import halfway
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, StaleReason
from omcrm.market.session import is_open, last_close, trading_time
from omcrm.market.tick import TopOfBook
from tests.market.simulation.delivery import SELDOM, Delivery
from tests.market.simulation.link import Link
from tests.market.simulation.world import LIES, Fault, FaultKind, World, WorldSource

# What a check may come late.
_LATE = 1.5
_REVIEW = 0.5
_PARTED_FOR = 2.0 + _REVIEW
# A book must have left the last trade of its source for 2 s to say something without a trade.
_BOOK_PARTED_FOR = _PARTED_FOR + 2.0 + _REVIEW
# A source is not believed for so long because those that contradict it have left.
_REMEMBERED = POLICIES[AssetClass.CRYPTO].recovery_hold - timedelta(seconds=_LATE)
# Venues differ by a little, and a price moves a little between a trade and the next book.
_TOLERATED = 0.004
# Beyond the bound by so much more, sources have parted for certain.
_CERTAIN = 0.015
# A defect may change those of the policies.
_MAX_AGES = {asset_class: policy.max_age for asset_class, policy in POLICIES.items()}
_CLOCK = (FaultKind.STEPPED_CLOCK, FaultKind.AHEAD)


class Violation(Struct, frozen=True):
    """A price that was shown at a second, and why it should not have been."""

    second: float
    source: str
    price_class: PriceClass
    price: float
    truth: float
    why: str


class _Stated(Struct):
    """When a source said a price, when that or a book around it arrived, and its own time."""

    at: float
    arrived: float
    time: datetime | None


class Checker:
    """Checks what is shown against the truth of a world; `links` are its sources' connections."""

    def __init__(self, world: World, links: Mapping[str, Link]) -> None:
        self.violations: list[Violation] = []
        self.unknowable = 0
        self._world = world
        self._links = links
        self._sources = {source.source.name: source for source in world.sources}
        self._policy = POLICIES[world.asset_class].of("BTC")
        self._oldest = _MAX_AGES[world.asset_class].total_seconds() + _LATE
        self._apart = float(self._policy.max_divergence) + _CERTAIN
        # The prices of each source that have arrived, the last one at the end.
        self._stated: dict[str, dict[float, _Stated]] = {name: {} for name in links}
        # Since when what is shown as live is far from the truth.
        self._far_since: float | None = None
        # Since when the market is open and time passes second by second.
        self._settled_at = 0.0
        self._was_open = world.is_open(0)
        # When each source last said what an honest live one contradicted.
        self._contradicted: dict[str, float] = {}
        # What each source last said that others had refuted when the market closed.
        self._refuted: dict[str, float] = {}

    def note(self, delivery: Delivery) -> None:
        """A price has arrived from a source."""
        source, prices = self._sources[delivery.name], self._stated[delivery.name]
        trade, book = delivery.trade, delivery.book
        if trade is not None:
            price, time = float(trade.price), trade.time
        elif book is not None and source.trades < SELDOM:
            price, time = float(halfway(book.bid, book.ask)), book.time
        else:
            if book is not None and source.source.claim is PriceClass.DELAYED:
                self._note_confirmed(delivery.arrives, book, prices)
            return
        prices.pop(price, None)
        prices[price] = _Stated(delivery.sent_at, delivery.arrives, time)

    @staticmethod
    def _note_confirmed(second: float, book: TopOfBook, prices: dict[float, _Stated]) -> None:
        bid, ask = float(book.bid) * 0.999, float(book.ask) * 1.001
        for price, stated in prices.items():
            if bid <= price <= ask:
                stated.arrived = second

    def check(self, quote: Quote | None, second: float) -> None:
        """Check what is shown at a second."""
        world = self._world
        was_open, self._was_open = self._was_open, world.is_open(second)
        if self._was_open and not was_open:
            self._settled_at = second
        if second - 0.25 < world.gap_at <= second:
            # After hours every transit is measured anew.
            self._settled_at = second + (2.5 if world.gap >= timedelta(hours=1) else 0.0)
        if self._was_open and not world.is_open(second + 1):
            self._note_refuted(second)
        self._note_contradicted(second)
        if quote is None or quote.price_class is not PriceClass.LIVE:
            self._far_since = None
        if quote is None:
            return
        if quote.price_class is PriceClass.LIVE:
            self._check_live(quote, second)
        elif quote.price_class is PriceClass.CLOSED:
            self._check_closed(quote, second)
        elif quote.price_class in (PriceClass.DELAYED, PriceClass.INDICATIVE):
            self._check_current(quote, second)
        elif quote.stale_reason is not StaleReason.CONTRADICTED:
            self._check_stale(quote, second)

    def _note(self, second: float, quote: Quote, why: str) -> None:
        self.violations.append(
            Violation(
                second,
                quote.source.name,
                quote.price_class,
                float(quote.last),
                self._world.price(second),
                why,
            )
        )

    # Live

    def _check_live(self, quote: Quote, second: float) -> None:
        price, name = float(quote.last), quote.source.name
        # Time alone closes a market in the next review.
        if not self._world.is_open(second) and not self._world.is_open(second - _REVIEW):
            self._note(second, quote, "live while the market is closed")
        elif quote.source.claim is not PriceClass.LIVE:
            self._note(second, quote, "live of a source that is not")
        elif self._was_true(price, second, self._moment(second) - self._oldest_live(name, second)):
            self._far_since = None
        elif not self._lies(name, second):
            self._note(second, quote, "too old")
        elif self._is_far_for_long(price, second) and self._is_known(name, price, second):
            self._note(second, quote, "contradicted by another source")
        elif self._is_remembered(name, price, second):
            self._note(second, quote, "contradicted a moment ago")
        elif self._is_known_by_book(name, price, second):
            self._note(second, quote, "contradicted by its own book")
        else:
            self.unknowable += 1

    def _is_far_for_long(self, price: float, second: float) -> bool:
        """Whether what is shown as live has been further than the bound from the truth for long."""
        truth = self._world.price(second)
        if abs(price - truth) <= self._apart * truth:
            self._far_since = None
            return False
        self._far_since = second if self._far_since is None else self._far_since
        return second - self._far_since >= _PARTED_FOR

    def _was_true(self, price: float, second: float, since: datetime) -> bool:
        """Whether the price was true at a moment between `since` and this second."""
        while second >= 0:
            if abs(self._world.price(second) - price) <= _TOLERATED * price:
                return True
            # A truth lasts for a quarter of a second.
            if self._moment(second) < since:
                return False
            second -= 0.25
        return False

    def _lies(self, name: str, second: float) -> bool:
        """Whether a source says what is not true, or has said so within the maximum age."""
        source = self._sources[name]
        return any(
            _is_lie(fault, source) and fault.start <= second < fault.end + self._tail(fault, source)
            for fault in source.faults
        )

    def _is_known(self, name: str, price: float, second: float) -> bool:
        """Whether an honest live source has contradicted the price for so long that it counts, and
        not as many others were wrong alike."""
        if second - self._settled_at < _PARTED_FOR + 0.5:
            return False
        streams = [
            other
            for other, source in self._sources.items()
            if source.source.claim is PriceClass.LIVE
        ]
        honest = {other for other in streams if self._is_honest(other, price, second)}
        alike = {other for other in streams if self._has_stated(other, price, second)} | {name}
        return bool(honest) and len(alike - honest) <= len(honest)

    def _note_contradicted(self, second: float) -> None:
        """Note which sources say now what an honest live one contradicts."""
        if not self._world.is_open(second):
            return
        for name, prices in self._stated.items():
            price = next(reversed(prices), None)
            if price is None or not self._lies(name, second):
                continue
            if self._is_lasting(name, price, second) and self._is_known(name, price, second):
                self._contradicted[name] = second

    def _is_remembered(self, name: str, price: float, second: float) -> bool:
        """Whether a source says what was contradicted a moment ago, and no other source does."""
        known_at = self._contradicted.get(name)
        if known_at is None or self._moment(second) - self._moment(known_at) > _REMEMBERED:
            return False
        truth = self._world.price(second)
        return abs(price - truth) > self._apart * truth and not any(
            self._has_stated(other, price, second) for other in self._sources if other != name
        )

    def _has_stated(self, name: str, price: float, second: float) -> bool:
        """Whether a source has said about the same within the maximum age."""
        bound = float(self._policy.max_divergence) * price
        return any(
            abs(other - price) <= bound and second - stated.arrived <= self._oldest
            for other, stated in self._stated[name].items()
        )

    def _is_honest(self, name: str, price: float, second: float) -> bool:
        """Whether this source has said the truth, far from this price, for so long, and arrived."""
        source, link = self._sources[name], self._links[name]
        if not link.is_healthy or second - link.healthy_since < _PARTED_FOR + 0.5:
            return False
        if any(
            fault.start <= second < fault.end + self._tail(fault, source) for fault in source.faults
        ):
            return False
        if source.trades < SELDOM and any(fault.kind in _CLOCK for fault in source.faults):
            # That its clock was set back is seen by its trades.
            return False
        # Books without times are believed only where trades that have them are frequent.
        if source.clock > 3 or max(source.trades, source.books * (source.trades < SELDOM)) < 2:
            return False
        parted_for = _PARTED_FOR if source.trades >= 2 or not source.trades else _BOOK_PARTED_FOR
        moments = (second - 0.25 * step for step in range(int(parted_for / 0.25) + 3))
        return all(
            abs(self._world.price(moment) - price) > self._apart * price for moment in moments
        )

    def _is_known_by_book(self, name: str, price: float, second: float) -> bool:
        """Whether the source's own honest book has contradicted the price for so long."""
        source = self._sources[name]
        past = [second - 0.25 * step for step in range(16)]
        faulty = [
            fault
            for fault in source.faults
            if fault.start <= second < fault.end + self._tail(fault, source)
        ]
        return (
            source.books >= 4
            and source.trades >= SELDOM
            and not source.is_combined
            and second - self._settled_at >= 4
            and all(fault.kind is FaultKind.FROZEN_TRADES for fault in faulty)
            and all(abs(self._world.price(at) - price) > 0.02 * price for at in past)
        )

    def _oldest_live(self, name: str, second: float) -> timedelta:
        """How long ago a price may have been true that a source has live at a second."""
        source = self._sources[name]
        return self._age(self._oldest + _hidden_delay(source, second - self._oldest, second))

    def _tail(self, fault: Fault, source: WorldSource) -> float:
        """How long after its end a fault may still be seen."""
        if fault.kind is FaultKind.DELAY:
            return self._oldest + fault.size
        return self._oldest + _hidden_delay(source, fault.start, fault.end)

    # Closed

    def _note_refuted(self, second: float) -> None:
        """Note what is refuted now, in the last second before the close."""
        self._refuted = {}
        for name, prices in self._stated.items():
            price = next(reversed(prices), None)
            if price is None or not self._is_lasting(name, price, second):
                continue
            if self._is_known(name, price, second):
                self._refuted[name] = price

    def _is_lasting(self, name: str, price: float, second: float) -> bool:
        """Whether a source has stated nothing else for so long that it counts."""
        bound = float(self._policy.max_divergence) * price
        recent = [
            (abs(other - price) <= bound, second - stated.arrived)
            for other, stated in self._stated[name].items()
            if second - stated.arrived <= 2 * _PARTED_FOR
        ]
        return all(is_alike for is_alike, _ in recent) and any(
            age >= _PARTED_FOR for _, age in recent
        )

    def _check_closed(self, quote: Quote, second: float) -> None:
        price, name, now = float(quote.last), quote.source.name, self._moment(second)
        calendar = self._world.calendar
        # A review looks ahead, and the next one comes later.
        around = (now + self._age(seconds) for seconds in (-_LATE, 0, _LATE))
        if all(is_open(calendar, moment) for moment in around):
            self._note(second, quote, "closed while the market is open")
            return
        close = last_close(calendar, now)
        if quote.source.claim is not PriceClass.LIVE:
            self._note(second, quote, "closed of a source that is not live")
        elif self._refuted.get(name) == price:
            self._note(second, quote, "contradicted at the close")
        elif close is None or self._was_true(price, second, close - self._age(self._oldest)):
            return
        elif not self._was_lie(name, price):
            self._note(second, quote, "not of the close")
        else:
            self.unknowable += 1

    def _was_lie(self, name: str, price: float) -> bool:
        """Whether a source did not say the truth when it said this."""
        stated, source = self._stated[name].get(price), self._sources[name]
        return stated is None or any(
            _is_lie(fault, source) and fault.is_on(stated.at) for fault in source.faults
        )

    # Delayed and indicative

    def _check_current(self, quote: Quote, second: float) -> None:
        source, name = self._sources[quote.source.name], quote.source.name
        stated = self._stated[name].get(float(quote.last))
        if quote.price_class is not source.source.claim or stated is None:
            self._note(second, quote, "never said so")
            return
        policy, link = self._policy, self._links[name]
        max_age = source.source.max_age or policy.max_delayed_age
        if not link.is_healthy or link.is_unserved:
            max_age = min(max_age, policy.down_hold)
        max_time_age = policy.max_time_age + self._age(_LATE)
        if self._trading_time(self._moment(stated.arrived), second) > max_age + self._age(_LATE):
            self._note(second, quote, "too old")
        elif stated.time is not None and self._trading_time(stated.time, second) > max_time_age:
            self._note(second, quote, "of another day")

    def _check_stale(self, quote: Quote, second: float) -> None:
        """A source that answers is not hidden by an old price."""
        shown = self._stated[quote.source.name].get(float(quote.last))
        hold = self._policy.stale_hold + self._age(_LATE)
        if shown is None or self._moment(second) - self._moment(shown.arrived) <= hold:
            return
        for name, source in self._sources.items():
            answer = next(reversed(self._stated[name].values()), None)
            if (
                source.is_asked
                and not source.faults
                and answer is not None
                and second - answer.arrived <= 30
                and answer.at >= self._settled_at
                and second - self._settled_at > 3
                and self._is_steady(second)
            ):
                self._note(second, quote, f"hides {name}")

    def _is_steady(self, second: float) -> bool:
        """Whether the price has not jumped of late: a jump needs a second source."""
        prices = [self._world.price(second - step) for step in range(60)]
        return max(prices) - min(prices) < 0.5 * float(self._policy.max_deviation) * min(prices)

    # Time

    def _moment(self, second: float) -> datetime:
        return self._world.moment(second)

    def _trading_time(self, since: datetime, second: float) -> timedelta:
        return trading_time(self._world.calendar, since, self._moment(second))

    @staticmethod
    def _age(seconds: float) -> timedelta:
        return timedelta(seconds=seconds)


def _hidden_delay(source: WorldSource, start: float, end: float) -> float:
    """By how much what a source sent then may be later than anyone can know: a clock that is ahead
    from the start hides a delay of as much."""
    delays = [
        fault.size
        for fault in source.faults
        if fault.kind is FaultKind.DELAY and fault.start < end and start < fault.end + fault.size
    ]
    return min(max(delays, default=0.0), max(source.clock, 0.0))


def _is_lie(fault: Fault, source: WorldSource) -> bool:
    """Whether a fault cannot be known from the age of what its source says."""
    has_clock = not any(fault.kind in _CLOCK for fault in source.faults)
    is_hidden_delay = fault.kind is FaultKind.DELAY and not has_clock
    return fault.kind in (*LIES, FaultKind.SPIKE) or is_hidden_delay
