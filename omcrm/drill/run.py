"""One drill: warm up, play the fault, clear it, and say how long everything took."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from omcrm.drill.fault import FAULTS, Fault, Order
from omcrm.drill.scene import Scene
from omcrm.drill.watch import Look, Watch
from omcrm.market.price_class import PriceClass

# So long a speaker may take to speak for everything, at the start and after a fault.
_WARM_UP, _RECOVERY = 60.0, 150.0
# Long enough for connections to count as proven.
_LIVED = 11.0


class DrillError(Exception):
    """The drill could not be held; why."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What a drill measured, in seconds from the fault's beginning or end; None for never.

    `wrong` are prices that were shown as live and were not, which must be none.
    """

    provider: str
    fault: str
    detected: float | None
    taken_over: float | None
    symbols: int
    wrong: tuple[str, ...]
    recovered: float | None
    moves: bool


def hold(provider: str, fault: str, seconds: float, folder: Path) -> Outcome:
    """Hold one drill; raises DrillError where it cannot even begin."""
    with Scene(provider, folder) as scene, Watch(scene) as watch:
        if not scene.wait(watch.all_live, _WARM_UP):
            last = watch.looks[-1] if watch.looks else None
            raise DrillError(f"{provider} does not speak for all its symbols: {last}")
        scene.sleep(_LIVED)
        began = time.monotonic()
        play(scene, FAULTS[fault], seconds, provider)
        ended = time.monotonic()
        scene.clear()
        recovered = scene.wait(watch.all_live, _RECOVERY)
        back = time.monotonic() - ended if recovered else None
    looks = [look for look in watch.looks if began <= look.at]
    during = [look for look in looks if look.at <= ended]
    before = next(look for look in reversed(watch.looks) if look.at < began)
    return Outcome(
        provider=provider,
        fault=fault,
        detected=_first(during, began, lambda look: _is_detected(look, before)),
        taken_over=_first(during, began, lambda look: _is_taken_over(look, provider)),
        symbols=len(_affected(during, provider)),
        wrong=tuple(watch.wrong),
        recovered=back,
        moves=FAULTS[fault].moves,
    )


def play(scene: Scene, fault: Fault, seconds: float, source: str) -> None:
    """Play a fault of a source's venue for so long; it lasts until it is cleared."""
    feed_clock = scene.feed_clock
    until = feed_clock.now() + seconds
    for order in fault.orders:
        scene.order(order, source)
    number = 0
    while (left := until - feed_clock.now()) > 0:
        for order in fault.again:
            scene.order(_named(scene, order, source, number) if fault.symbol else order, source)
            number += 1
        scene.sleep(min(left, fault.every or left))


def _named(scene: Scene, order: Order, source: str, number: int) -> dict[str, object]:
    known = [
        instrument for instrument in scene.instruments if source in instrument.provider_symbols
    ]
    instrument = known[number % len(known)]
    return {**order, "symbol": instrument.provider_symbols["simulated"]}


def _first(looks: list[Look], began: float, wanted: Callable[[Look], bool]) -> float | None:
    return next((look.at - began for look in looks if wanted(look)), None)


def _is_detected(look: Look, before: Look) -> bool:
    """Whether the feed is known to be ill: its state, its words, or what the gate refused."""
    is_worse = not look.active or look.problem != before.problem
    return is_worse or look.refused > before.refused


def _is_taken_over(look: Look, provider: str) -> bool:
    return all(
        source != provider and price_class is PriceClass.LIVE
        for source, price_class in look.speakers.values()
    )


def _affected(looks: list[Look], provider: str) -> set[str]:
    """The symbols that were not live from the provider at some moment."""
    return {
        symbol
        for look in looks
        for symbol, speaker in look.speakers.items()
        if speaker != (provider, PriceClass.LIVE)
    }
