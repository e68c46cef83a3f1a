"""One drill: warm up, play the fault, clear it, and measure the times."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import Struct

from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from simulator.drill.fault import FAULTS, DrillFault, FaultCommand
from simulator.drill.price_monitor import Observation, PriceMonitor
from simulator.drill.setup import DrillSetup
from simulator.drill.violation import Violation
from simulator.drill.world import DrillWorld

# The time for a source to become active for every symbol, at the start and after a fault.
_ACTIVE_WITHIN = 150.0
# Long enough for connections to count as proven.
_LIVED = 11.0
# Polled sources are asked once in many seconds: there time passes so many times as fast.
_POLLED_SPEED = 30.0
# A market closes so long after the start of a drill, and the fault ends so long after the close:
# then its price, dead since the fault began, was too old at the close.
_CLOSES_IN, _AFTER_CLOSE = 90.0, 15.0
# A connection is replaced for a fault that does not end it this often at most.
_MOST_RECONNECTS = 1


class DrillError(Exception):
    """The drill could not run, with the reason."""


class DrillOutcome(Struct, frozen=True, kw_only=True):
    """The results of a drill, in seconds from the fault's beginning or end; None for never.

    `wrong` lists prices that were shown as live, or closed, and were not; it must be empty.
    `unknowable` counts the symbols' seconds with wrong prices that nothing contradicted.
    `reconnects` are those of the failing sources; `loops` names the sources that were connected
    again and again without need, and must be empty, too.
    """

    world: DrillWorld
    fault: str
    detected: float | None
    taken_over: float | None
    symbols: int
    wrong: tuple[Violation, ...]
    unknowable: float
    reconnects: int
    loops: tuple[str, ...]
    recovered: float | None
    moves: bool


def run_drill(world: DrillWorld, fault_name: str, seconds: float, folder: Path) -> DrillOutcome:
    """Run one drill; raises DrillError where it cannot begin."""
    fault, provider = FAULTS[fault_name], world.provider
    speed = _POLLED_SPEED if provider in POLLS else 1.0
    with (
        DrillSetup(
            *(provider, folder, speed),
            streams=world.streams,
            swings=speed == 1,
            closes_in=_CLOSES_IN if fault.is_at_close else None,
        ) as setup,
        PriceMonitor(setup) as monitor,
    ):
        _warm_up(setup, monitor, fault_name)
        erring, reconnects = setup.erring(world.erring), _reconnects(setup)
        began = time.monotonic()
        if setup.closes_at is not None:
            seconds = setup.closes_at + _AFTER_CLOSE - began
        monitor.begin(fault, erring)
        play(setup, fault, seconds * speed, *sorted(erring))
        ended = time.monotonic()
        reconnects = _reconnects(setup) - reconnects
        monitor.end()
        setup.clear()
        back = _recovery(setup, monitor, fault)
        streams = max(len(setup.streams_of(instrument)) for instrument in setup.instruments)
    observations = [observation for observation in monitor.observations if began <= observation.at]
    during = [observation for observation in observations if observation.at <= ended]
    before = next(
        observation for observation in reversed(monitor.observations) if observation.at < began
    )
    usual = (provider, setup.usual_class)

    def first(wanted: Callable[[Observation], bool]) -> float | None:
        times = (observation.at - began for observation in during if wanted(observation))
        return next((elapsed * speed for elapsed in times), None)

    return DrillOutcome(
        world=world,
        fault=fault_name,
        detected=first(lambda observation: _is_detected(observation, before)),
        taken_over=first(lambda observation: _is_taken_over(observation, usual)),
        symbols=len(_affected(during, usual)),
        wrong=tuple(monitor.wrong),
        unknowable=monitor.unknowable,
        reconnects=sum(reconnects[name] for name in erring),
        loops=_loops(reconnects, fault, erring),
        recovered=back,
        moves=fault.moves and (world.provider in POLLS or world.erring < streams),
    )


def _warm_up(setup: DrillSetup, monitor: PriceMonitor, fault: str) -> None:
    """Wait until all streams have prices, and their connections count as proven."""
    speed = setup.feed_clock.speed
    if not setup.wait(lambda: monitor.all_live() and setup.all_streaming(), _ACTIVE_WITHIN * speed):
        raise DrillError(f"{fault} at {setup.active_source}: {_not_ready(setup, monitor)}")
    setup.sleep(_LIVED)


def _not_ready(setup: DrillSetup, monitor: PriceMonitor) -> str:
    """What of a setup is not as usual, symbol by symbol."""
    shown = monitor.observations[-1].active_sources if monitor.observations else {}
    usual = (setup.active_source, setup.usual_class)
    others = (
        f"{symbol} is {price_class} from {name}"
        for symbol, (name, price_class) in shown.items()
        if (name, price_class) != usual
    )
    return ", ".join(others) or "a stream has no price"


def _recovery(setup: DrillSetup, monitor: PriceMonitor, fault: DrillFault) -> float | None:
    """The seconds until all is as before; None for never. After a close nothing is live."""
    began, speed = time.monotonic(), setup.feed_clock.speed
    if fault.is_at_close:
        has_recovered = setup.wait(monitor.all_fresh, _AFTER_CLOSE)
    else:
        has_recovered = setup.wait(monitor.all_live, _ACTIVE_WITHIN * speed)
    return (time.monotonic() - began) * speed if has_recovered else None


def _loops(reconnects: Counter[str], fault: DrillFault, erring: Collection[str]) -> tuple[str, ...]:
    """The streams that were connected again more often than the fault explains."""
    return tuple(
        name
        for name, count in reconnects.items()
        if count > _MOST_RECONNECTS and not (fault.ends_connections and name in erring)
    )


def _reconnects(setup: DrillSetup) -> Counter[str]:
    """How often each stream was connected again."""
    statuses = setup.manager.status()
    return Counter({name: item.reconnects for name, item in statuses.items() if name in STREAMS})


def play(setup: DrillSetup, fault: DrillFault, seconds: float, *sources: str) -> None:
    """Play a fault at the providers of sources for so long; it lasts until it is cleared."""
    feed_clock = setup.feed_clock
    until = feed_clock.now() + seconds
    for source in sources:
        for command in fault.commands:
            setup.play(command, source)
    number = 0
    while (left := until - feed_clock.now()) > 0:
        for command in fault.repeated:
            for source in sources:
                setup.play(_named(setup, fault, command, source, number), source)
            number += 1
        setup.sleep(min(left, fault.every or left))


def _named(
    setup: DrillSetup, fault: DrillFault, command: FaultCommand, source: str, number: int
) -> FaultCommand:
    """The command with the symbol whose turn it is, if it is for one."""
    if not fault.symbol:
        return command
    known = [
        instrument
        for instrument in setup.instruments
        if source in instrument.provider_symbols
        and (not fault.of_shares or instrument.asset_class is AssetClass.STOCK)
    ]
    instrument = known[number % len(known)]
    return {**command, "symbol": instrument.provider_symbols["simulated"]}


def _is_detected(observation: Observation, before: Observation) -> bool:
    """Whether the fault shows: in the feed's state, its error, newly rejected ticks, a class or
    source that changes, or a divergence."""
    is_worse = not observation.active or observation.problem != before.problem
    is_other = observation.active_sources != before.active_sources or observation.is_diverging
    return is_worse or is_other or observation.refused > before.refused


def _is_taken_over(observation: Observation, usual: tuple[str, PriceClass]) -> bool:
    return all(
        source != usual[0] and price_class is usual[1]
        for source, price_class in observation.active_sources.values()
    )


def _affected(observations: list[Observation], usual: tuple[str, PriceClass]) -> set[str]:
    """The symbols that did not have the usual source and class at some moment."""
    return {
        symbol
        for observation in observations
        for symbol, active_source in observation.active_sources.items()
        if active_source != usual
    }
