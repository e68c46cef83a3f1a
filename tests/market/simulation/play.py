"""Plays a world to the consolidator, and finds prices that are shown as live and should not be."""

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.feeds.own_clock import OwnClock
from omcrm.feeds.source_clock import SourceClock
from omcrm.market.consolidator import Consolidator
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from tests.conftest import ManualClock
from tests.feeds.virtual_feed import VirtualClock
from tests.market.simulation.delivery import Delivery, deliveries, is_on
from tests.market.simulation.world import LENGTH, LIES, Fault, FaultKind, World, WorldSource
from tests.values import after, instrument

_SYMBOL = "BTC"
_REVIEW = 0.5
_AHEAD = timedelta(seconds=0.75)
# A connection without data is given up after so long, and a new one needs a moment.
_WATCHDOG, _RECONNECT = 8.0, 1.0
# The policy's maximum age, and what a check may come late.
_OLDEST = 10.0 + 1.5
_PARTED_FOR = 2.0 + 0.5
# Venues differ by a little, and a price moves a little between a trade and the next book.
_TOLERATED = 0.004
_CLOCK = (FaultKind.STEPPED_CLOCK, FaultKind.AHEAD)
_POLICY = POLICIES[instrument(_SYMBOL).asset_class].of(_SYMBOL)
_APART = float(_POLICY.max_divergence)


class Violation(Struct, frozen=True):
    """A price that was shown live at a second, and why it should not have been."""

    second: float
    source: str
    price: float
    truth: float
    why: str


class Played(Struct):
    """The result of a world: what was wrong, and for how many checks a price was live."""

    violations: list[Violation]
    checks: int = 0
    live: int = 0
    reconnects: int = 0


def play(world: World, make: Callable[[ManualClock], Consolidator] | None = None) -> Played:
    """Play a world from its beginning to its end."""
    return _Player(world, make or _consolidator).run()


def _consolidator(clock: ManualClock) -> Consolidator:
    return Consolidator(clock, Validator())


class _Link:
    """A source's connection, as its supervisor sees it."""

    def __init__(self, name: str, own_clock: OwnClock) -> None:
        self.number = 1
        self.is_healthy = False
        self.healthy_since = 0.0
        self.is_cut = False
        self.data_at = 0.0
        self.opens_at = 0.0
        self.source_clock = SourceClock(name, own_clock)
        self.latency = FeedLatency(self.source_clock)


class _Player:
    def __init__(self, world: World, make: Callable[[ManualClock], Consolidator]) -> None:
        self._world = world
        self._clock = ManualClock()
        self._clock.now = after(0)
        self._consolidator = make(self._clock)
        names = {source.source.name: "X" for source in world.sources}
        self._consolidator.follow([instrument(_SYMBOL, provider_symbols=names)])
        self._sources = {source.source.name: source for source in world.sources}
        self._time = VirtualClock()
        own_clock = self._time.own()
        self._links = {name: _Link(name, own_clock) for name in self._sources}
        self._quote: Quote | None = None
        # The last price of each source that has arrived.
        self._arrived: dict[str, float] = {}
        # Since when what is shown as live is far from the truth.
        self._far_since: float | None = None
        self._played = Played([])

    def run(self) -> Played:
        for name in self._sources:
            self._consolidator.set_health(name, HealthState.PENDING)
        arriving = deliveries(self._world)
        second, index = 0.0, 0
        while second < LENGTH:
            second += _REVIEW / 2
            while index < len(arriving) and arriving[index].arrives <= second:
                self._deliver(arriving[index])
                index += 1
            self._clock.now = after(second)
            if round(second / (_REVIEW / 2)) % 2 == 0:
                self._watch(second)
                self._show(*self._consolidator.review(_AHEAD))
            self._check(second)
        return self._played

    def _show(self, *quotes: Quote | None) -> None:
        for quote in quotes:
            self._quote = quote or self._quote

    def _deliver(self, delivery: Delivery) -> None:
        link, source = self._links[delivery.name], self._sources[delivery.name]
        if link.is_cut or delivery.arrives < link.opens_at:
            return
        self._clock.now = after(delivery.arrives)
        tick = Tick(
            _SYMBOL, source.source, self._clock.now, link.number, delivery.trade, delivery.book
        )
        self._time.now = delivery.arrives
        tick = tick.dated(link.latency.measure(tick.kind, tick.transit, delivery.arrives))
        if tick.late and link.latency.is_lasting(delivery.arrives):
            self._reconnect(delivery.name, delivery.arrives)
            return
        link.data_at = delivery.arrives
        if delivery.trade is not None:
            self._arrived[delivery.name] = float(delivery.trade.price)
        if not link.is_healthy:
            link.is_healthy, link.healthy_since = True, delivery.arrives
            self._show(
                *self._consolidator.set_health(delivery.name, HealthState.HEALTHY, link.number)
            )
        self._show(self._consolidator.apply(tick, _AHEAD))

    def _watch(self, second: float) -> None:
        """Notice cuts, and connections without data."""
        for name, source in self._sources.items():
            link = self._links[name]
            is_cut = is_on(source, FaultKind.CUT, second)
            if is_cut and not link.is_cut:
                link.is_cut = True
                self._reconnect(name, second)
            elif not is_cut and link.is_cut:
                link.is_cut, link.opens_at, link.data_at = False, second + _RECONNECT, second
            elif link.is_healthy and second - link.data_at > _WATCHDOG:
                self._reconnect(name, second)

    def _reconnect(self, name: str, second: float) -> None:
        link = self._links[name]
        link.number, link.is_healthy, link.opens_at = link.number + 1, False, second + _RECONNECT
        link.latency = FeedLatency(link.source_clock)
        self._played.reconnects += 1
        self._show(*self._consolidator.set_health(name, HealthState.DOWN))

    # What should be shown

    def _check(self, second: float) -> None:
        self._played.checks += 1
        quote = self._quote
        if quote is None or quote.price_class is not PriceClass.LIVE:
            self._far_since = None
            return
        self._played.live += 1
        price, name = float(quote.last), quote.source.name
        if self._was_true(price, second):
            self._far_since = None
        elif not self._lies(name, second):
            self._note(second, quote, "too old")
        elif self._is_far_for_long(price, second) and self._is_known(quote, second):
            self._note(second, quote, "contradicted by another source")
        elif self._is_known_by_book(name, price, second):
            self._note(second, quote, "contradicted by its own book")

    def _is_far_for_long(self, price: float, second: float) -> bool:
        """Whether what is shown as live has been further than the bound from the truth for long."""
        truth = self._world.price(second)
        if abs(price - truth) <= (_APART + 0.015) * truth:
            self._far_since = None
            return False
        self._far_since = second if self._far_since is None else self._far_since
        return second - self._far_since >= _PARTED_FOR

    def _note(self, second: float, quote: Quote, why: str) -> None:
        truth = self._world.price(second)
        self._played.violations.append(
            Violation(second, quote.source.name, float(quote.last), truth, why)
        )

    def _was_true(self, price: float, second: float) -> bool:
        """Whether the price was true within the maximum age."""
        moment = second
        while moment >= second - _OLDEST:
            if abs(self._world.price(moment) - price) <= _TOLERATED * price:
                return True
            moment -= 0.25
        return False

    def _lies(self, name: str, second: float) -> bool:
        """Whether a source says what is not true, or has said so within the maximum age."""
        source = self._sources[name]
        return any(
            _is_lie(fault, source) and fault.start <= second < fault.end + _tail(fault)
            for fault in source.faults
        )

    def _is_known(self, quote: Quote, second: float) -> bool:
        """Whether an honest live source has contradicted the price for so long that it counts."""
        price = float(quote.last)
        honest = [name for name in self._sources if self._is_honest(name, price, second)]
        alike = [
            name
            for name, arrived in self._arrived.items()
            if name not in honest and abs(arrived - price) <= _APART * price
        ]
        return bool(honest) and len(alike) <= len(honest)

    def _is_known_by_book(self, name: str, price: float, second: float) -> bool:
        """Whether the source's own honest book has contradicted the price for so long."""
        source = self._sources[name]
        past = [second - 0.25 * step for step in range(16)]
        faulty = [
            fault for fault in source.faults if fault.start <= second < fault.end + _tail(fault)
        ]
        return (
            source.books >= 4
            and not source.is_combined
            and all(fault.kind is FaultKind.FROZEN_TRADES for fault in faulty)
            and all(abs(self._world.price(at) - price) > 0.02 * price for at in past)
        )

    def _is_honest(self, name: str, price: float, second: float) -> bool:
        """Whether this source has said the truth, far from this price, for so long, and arrived."""
        source, link = self._sources[name], self._links[name]
        if not link.is_healthy or second - link.healthy_since < _PARTED_FOR + 0.5:
            return False
        if any(fault.start <= second < fault.end + _tail(fault) for fault in source.faults):
            return False
        if source.clock > 3 or source.trades < 2:
            return False
        moments = (second - 0.25 * step for step in range(int(_PARTED_FOR / 0.25) + 3))
        return all(
            abs(self._world.price(moment) - price) > (_APART + 0.015) * price for moment in moments
        )


def _is_lie(fault: Fault, source: WorldSource) -> bool:
    """Whether a fault cannot be known from the age of what its source says."""
    has_clock = not any(fault.kind in _CLOCK for fault in source.faults)
    is_hidden_delay = fault.kind is FaultKind.DELAY and not has_clock
    return fault.kind in (*LIES, FaultKind.SPIKE) or is_hidden_delay


def _tail(fault: Fault) -> float:
    """How long after its end a fault may still be seen."""
    return _OLDEST + (fault.size if fault.kind is FaultKind.DELAY else 0.0)
