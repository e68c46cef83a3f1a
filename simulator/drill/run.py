"""One drill: warm up, play the fault, clear it, and measure the times."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from omcrm.feeds.registry import POLLS
from omcrm.market.price_class import PriceClass
from simulator.drill.fault import FAULTS, DrillFault, FaultCommand
from simulator.drill.price_monitor import Observation, PriceMonitor
from simulator.drill.setup import DrillSetup

# The time for a source to become active for every symbol, at the start and after a fault.
_WARM_UP, _RECOVERY = 60.0, 150.0
# Long enough for connections to count as proven.
_LIVED = 11.0
# Polled sources are asked once in many seconds: there time passes so many times as fast.
_POLLED_SPEED = 30.0


class DrillError(Exception):
    """The drill could not run, with the reason."""


class DrillOutcome(Struct, frozen=True, kw_only=True):
    """The results of a drill, in seconds from the fault's beginning or end; None for never.

    `wrong` lists prices that were shown as live and were not; it must be empty.
    """

    provider: str
    fault: str
    detected: float | None
    taken_over: float | None
    symbols: int
    wrong: tuple[str, ...]
    recovered: float | None
    moves: bool


def run_drill(provider: str, fault: str, seconds: float, folder: Path) -> DrillOutcome:
    """Run one drill; raises DrillError where it cannot begin."""
    speed = _POLLED_SPEED if provider in POLLS else 1.0
    with DrillSetup(provider, folder, speed) as setup, PriceMonitor(setup) as monitor:
        if not setup.wait(monitor.all_live, _WARM_UP * speed):
            last = monitor.observations[-1] if monitor.observations else None
            raise DrillError(f"{provider} is not the active source of all its symbols: {last}")
        setup.sleep(_LIVED)
        began = time.monotonic()
        play(setup, FAULTS[fault], seconds * speed, provider)
        ended = time.monotonic()
        setup.clear()
        recovered = setup.wait(monitor.all_live, _RECOVERY * speed)
        back = (time.monotonic() - ended) * speed if recovered else None
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
        provider=provider,
        fault=fault,
        detected=first(lambda observation: _is_detected(observation, before)),
        taken_over=first(lambda observation: _is_taken_over(observation, usual)),
        symbols=len(_affected(during, usual)),
        wrong=tuple(monitor.wrong),
        recovered=back,
        moves=FAULTS[fault].moves,
    )


def play(setup: DrillSetup, fault: DrillFault, seconds: float, source: str) -> None:
    """Play a fault at a source's provider for so long; it lasts until it is cleared."""
    feed_clock = setup.feed_clock
    until = feed_clock.now() + seconds
    for command in fault.commands:
        setup.play(command, source)
    number = 0
    while (left := until - feed_clock.now()) > 0:
        for command in fault.repeated:
            setup.play(_named(setup, command, source, number) if fault.symbol else command, source)
            number += 1
        setup.sleep(min(left, fault.every or left))


def _named(setup: DrillSetup, command: FaultCommand, source: str, number: int) -> dict[str, object]:
    known = [
        instrument for instrument in setup.instruments if source in instrument.provider_symbols
    ]
    instrument = known[number % len(known)]
    return {**command, "symbol": instrument.provider_symbols["simulated"]}


def _is_detected(observation: Observation, before: Observation) -> bool:
    """Whether the fault shows: in the feed's state, its error, or newly rejected ticks."""
    is_worse = not observation.active or observation.problem != before.problem
    return is_worse or observation.refused > before.refused


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
