"""Plays a world to the consolidator on a virtual clock."""

from collections.abc import Callable

from msgspec import Struct

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.market.consolidator import Consolidator
from omcrm.market.policy import LOOK_AHEAD
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from tests.conftest import ManualClock
from tests.feeds.virtual_feed import VirtualClock
from tests.market.simulation.checker import Checker, Violation
from tests.market.simulation.delivery import Delivery, deliveries, is_on
from tests.market.simulation.link import Link
from tests.market.simulation.world import LENGTH, FaultKind, World
from tests.values import instrument

_SYMBOL = "BTC"
_REVIEW = 0.5
# A connection without data is given up after so long, and a new one needs a moment.
_WATCHDOG, _RECONNECT = 8.0, 1.0


class Played(Struct):
    """The result of a world: what was wrong, and how many checks saw a price of each class.

    `unknowable` counts those in which a live or closed price was not true, and nothing in reach
    said so.
    """

    violations: list[Violation]
    checks: int = 0
    shown: dict[PriceClass, int] = {}
    unknowable: int = 0
    reconnects: int = 0

    @property
    def live(self) -> int:
        return self.shown.get(PriceClass.LIVE, 0)


def play(world: World, make: Callable[[ManualClock], Consolidator] | None = None) -> Played:
    """Play a world from its beginning to its end."""
    return _Player(world, make or _consolidator).run()


def _consolidator(clock: ManualClock) -> Consolidator:
    return Consolidator(clock, Validator())


class _Player:
    def __init__(self, world: World, make: Callable[[ManualClock], Consolidator]) -> None:
        self._world = world
        self._clock = ManualClock()
        self._clock.now = world.moment(0)
        self._consolidator = make(self._clock)
        self._sources = {source.source.name: source for source in world.sources}
        self._consolidator.follow(
            [instrument(_SYMBOL, world.asset_class, dict.fromkeys(self._sources, "X"))]
        )
        self._time = VirtualClock()
        own_clock = self._time.own()
        self._links = {name: Link(name, own_clock) for name in self._sources}
        self._quote: Quote | None = None
        self._checker = Checker(world, self._links)
        self._played = Played(self._checker.violations)

    def run(self) -> Played:
        for name in self._sources:
            self._consolidator.set_health(name, HealthState.PENDING)
        arriving = deliveries(self._world)
        second, index, gap_at = 0.0, 0, self._world.gap_at
        while second < LENGTH:
            second += _REVIEW / 2
            while index < len(arriving) and arriving[index].arrives <= second:
                self._deliver(arriving[index])
                index += 1
            self._clock.now = self._world.moment(second)
            if round(second / (_REVIEW / 2)) % 2 == 0 or second - _REVIEW / 2 < gap_at <= second:
                self._watch(second)
                self._show(*self._consolidator.review(LOOK_AHEAD))
            self._check(second)
        self._played.unknowable = self._checker.unknowable
        return self._played

    def _show(self, *quotes: Quote | None) -> None:
        for quote in quotes:
            self._quote = quote or self._quote

    def _deliver(self, delivery: Delivery) -> None:
        link, source = self._links[delivery.name], self._sources[delivery.name]
        if link.is_cut or delivery.arrives < link.opens_at:
            return
        self._clock.now = self._world.moment(delivery.arrives)
        if source.is_asked and not self._has_answered(delivery, link):
            return
        tick = Tick(
            _SYMBOL, source.source, self._clock.now, link.number, delivery.trade, delivery.book
        )
        if source.source.claim is PriceClass.LIVE:
            now = self._time.now = self._world.elapsed(delivery.arrives)
            tick = tick.dated(link.latency.measure(tick.stamp, now))
            if tick.late and link.latency.is_lasting(now):
                link.latency.note_replacement(now)
                self._reconnect(delivery.name, delivery.arrives)
                return
        link.data_at = delivery.arrives
        if not link.is_healthy:
            self._set_healthy(delivery.name, delivery.arrives)
        self._checker.note(delivery)
        self._show(self._consolidator.apply(tick, LOOK_AHEAD))

    def _set_healthy(self, name: str, second: float) -> None:
        link = self._links[name]
        link.is_healthy, link.healthy_since = True, second
        self._show(
            *self._consolidator.set_health(name, HealthState.HEALTHY, link.number, LOOK_AHEAD)
        )

    def _has_answered(self, delivery: Delivery, link: Link) -> bool:
        """Note what an answer says of its source; whether it has a price."""
        name = delivery.name
        if delivery.is_refused:
            if link.is_healthy:
                link.is_healthy = False
                self._show(*self._consolidator.set_health(name, HealthState.DOWN, 0, LOOK_AHEAD))
            return False
        is_unserved = delivery.trade is None
        if is_unserved is not link.is_unserved:
            link.is_unserved = is_unserved
            symbols = frozenset({_SYMBOL} if is_unserved else ())
            self._show(*self._consolidator.set_unserved(name, symbols, LOOK_AHEAD))
        return not is_unserved

    def _watch(self, second: float) -> None:
        """Notice cuts, and connections without data."""
        for name, source in self._sources.items():
            if source.is_asked:
                continue
            link = self._links[name]
            is_cut = is_on(source, FaultKind.CUT, second)
            if not self._world.is_open(second):
                # No data is expected.
                link.data_at = second
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
        self._show(*self._consolidator.set_health(name, HealthState.DOWN, 0, LOOK_AHEAD))

    def _check(self, second: float) -> None:
        self._played.checks += 1
        if self._quote is not None:
            price_class = self._quote.price_class
            self._played.shown[price_class] = self._played.shown.get(price_class, 0) + 1
        self._checker.check(self._quote, second)
