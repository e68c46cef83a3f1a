"""A day of random faults at every source, played faster than it passes."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from omcrm.feeds.feed_set import Feed
from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.poller import Poller
from omcrm.feeds.provider import Budget
from omcrm.feeds.quota import period
from omcrm.market.feed_status import FeedState
from omcrm.market.session import is_open
from simulator.drill.fault import FAULTS
from simulator.drill.price_monitor import PriceMonitor
from simulator.drill.resource_use import ResourceUse, resource_use
from simulator.drill.run import DrillError, play
from simulator.drill.setup import DrillSetup, venue_of
from simulator.drill.violation import Violation

# A fault ends well before the next one begins, and within the minute that a source waits after a
# refusal for a limit: so the time measured is the source's own.
_SHORTEST, _LONGEST = 10.0, 55.0
_HOUR = 3600.0
_STARTUP = 120.0
_HEALTHY_WITHIN = 60.0


class DrillHour(Struct, frozen=True):
    """The state at the end of an hour of the day; `late` counts the faults after which a source was
    not healthy again before the next one."""

    number: int
    faults: int
    late: int
    wrong: int
    app: ResourceUse
    exchange: ResourceUse


class BudgetExcess(Struct, frozen=True):
    """A budget that was exceeded in the period that began at `began`."""

    source: str
    budget: Budget
    began: datetime
    calls: int


class DrillDay(Struct, frozen=True, kw_only=True):
    """The results of the day; `healthy` is in seconds from the last fault's end, None for never,
    `unhealthy` names the sources that were not healthy a minute after it."""

    hours: tuple[DrillHour, ...]
    played: dict[str, int]
    wrong: tuple[Violation, ...]
    healthy: float | None
    unhealthy: tuple[str, ...]
    calls: dict[str, int]
    excesses: tuple[BudgetExcess, ...]


def run_day(
    hours: float,
    speed: float,
    every: float,
    seed: int,
    folder: Path,
    report: Callable[[DrillHour], None],
) -> DrillDay:
    """Run so many hours with a fault every so many seconds; `report` is called after each hour."""
    rng, played = random.Random(seed), Counter[str]()
    completed: list[DrillHour] = []
    with (
        DrillSetup(None, folder, speed, hours, Polling()) as setup,
        PriceMonitor(setup, 1) as monitor,
    ):
        if not setup.wait(lambda: not _unhealthy(setup), _STARTUP):
            raise DrillError(f"not every source comes up: {', '.join(_unhealthy(setup))}")
        began, late = setup.feed_clock.now(), 0
        for number in range(round(hours * _HOUR / every)):
            _sleep_until(setup, began + number * every)
            late += bool(number and _unhealthy(setup))
            played[_play_any(setup, monitor, rng)] += 1
            if (number + 1) * every // _HOUR > len(completed):
                here, there = resource_use(os.getpid()), resource_use(setup.exchange.pid)
                faults, wrong = played.total(), len(monitor.wrong)
                completed.append(DrillHour(len(completed) + 1, faults, late, wrong, here, there))
                report(completed[-1])
        ended = setup.feed_clock.now()
        setup.wait(lambda: not _unhealthy(setup), _HEALTHY_WITHIN)
        unhealthy = _unhealthy(setup)
        recovered = not unhealthy or setup.wait(lambda: not _unhealthy(setup), _STARTUP)
        healthy = setup.feed_clock.now() - ended if recovered else None
        calls = setup.calls()
        return DrillDay(
            hours=tuple(completed),
            played=dict(sorted(played.items())),
            wrong=tuple(monitor.wrong),
            healthy=healthy,
            unhealthy=tuple(unhealthy),
            calls={name: len(item) for name, item in calls.items() if item},
            excesses=tuple(_excesses(setup, calls)),
        )


def _play_any(setup: DrillSetup, monitor: PriceMonitor, rng: random.Random) -> str:
    """Play a random fault at a random source; the names of both."""
    source = rng.choice(sorted(setup.manager.status()))
    faults = {name: fault for name, fault in FAULTS.items() if not fault.is_at_close}
    name = rng.choice([name for name, fault in faults.items() if fault.suits(source)])
    monitor.begin(faults[name], {source})
    play(setup, faults[name], rng.uniform(_SHORTEST, _LONGEST), source)
    monitor.end()
    setup.clear()
    return f"{source} {name}"


def _unhealthy(setup: DrillSetup) -> list[str]:
    """The sources that are not in a healthy state."""
    return [
        name for name, feed in setup.manager.feeds().items() if not _is_healthy(setup, name, feed)
    ]


def _is_healthy(setup: DrillSetup, name: str, feed: Feed) -> bool:
    status = feed.status()
    if isinstance(feed, Poller):
        used_up = any(use.left == 0 for use in feed.uses())
        return status.state in (FeedState.POLLING, FeedState.STANDBY) or used_up
    followed = [
        instrument for instrument in setup.instruments if name in instrument.provider_symbols
    ]
    if any(is_open(instrument.calendar, setup.clock()) for instrument in followed):
        return status.active
    return status.state in (FeedState.STREAMING, FeedState.CONNECTED)


def _excesses(setup: DrillSetup, calls: dict[str, list[datetime]]) -> Iterable[BudgetExcess]:
    """The budgets that the calls counted by the providers exceed."""
    for name, feed in setup.manager.feeds().items():
        if isinstance(feed, Poller):
            for budget in feed.provider.limits.budgets:
                counted = Counter(period(call, budget) for call in calls[venue_of(name)])
                for began, count in counted.items():
                    if count > budget.calls:
                        yield BudgetExcess(name, budget, began, count)


def _sleep_until(setup: DrillSetup, moment: float) -> None:
    setup.sleep(max(0.0, moment - setup.feed_clock.now()))
