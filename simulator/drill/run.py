"""One drill: warm up, play the fault, clear it, and measure the times."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from omcrm.market.price_class import PriceClass
from simulator.drill.fault import FAULTS, DrillFault, FaultCommand
from simulator.drill.price_monitor import Observation, PriceMonitor
from simulator.drill.setup import DrillSetup

# The time for a source to become active for every symbol, at the start and after a fault.
_WARM_UP, _RECOVERY = 60.0, 150.0
# Long enough for connections to count as proven.
_LIVED = 11.0


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
    with DrillSetup(provider, folder) as setup, PriceMonitor(setup) as monitor:
        if not setup.wait(monitor.all_live, _WARM_UP):
            last = monitor.observations[-1] if monitor.observations else None
            raise DrillError(f"{provider} is not the active source of all its symbols: {last}")
        setup.sleep(_LIVED)
        began = time.monotonic()
        play(setup, FAULTS[fault], seconds, provider)
        ended = time.monotonic()
        setup.clear()
        recovered = setup.wait(monitor.all_live, _RECOVERY)
        back = time.monotonic() - ended if recovered else None
    observations = [observation for observation in monitor.observations if began <= observation.at]
    during = [observation for observation in observations if observation.at <= ended]
    before = next(
        observation for observation in reversed(monitor.observations) if observation.at < began
    )
    return DrillOutcome(
        provider=provider,
        fault=fault,
        detected=_first(during, began, lambda observation: _is_detected(observation, before)),
        taken_over=_first(during, began, lambda observation: _is_taken_over(observation, provider)),
        symbols=len(_affected(during, provider)),
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


def _first(
    observations: list[Observation], began: float, wanted: Callable[[Observation], bool]
) -> float | None:
    return next(
        (observation.at - began for observation in observations if wanted(observation)), None
    )


def _is_detected(observation: Observation, before: Observation) -> bool:
    """Whether the fault shows: in the feed's state, its error, or newly rejected ticks."""
    is_worse = not observation.active or observation.problem != before.problem
    return is_worse or observation.refused > before.refused


def _is_taken_over(observation: Observation, provider: str) -> bool:
    return all(
        source != provider and price_class is PriceClass.LIVE
        for source, price_class in observation.active_sources.values()
    )


def _affected(observations: list[Observation], provider: str) -> set[str]:
    """The symbols that were not live from the provider at some moment."""
    return {
        symbol
        for observation in observations
        for symbol, active_source in observation.active_sources.items()
        if active_source != (provider, PriceClass.LIVE)
    }
