"""A day of random faults at every source, played faster than it passes."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from omcrm.drill.cost import Cost, cost
from omcrm.drill.fault import FAULTS
from omcrm.drill.run import DrillError, play
from omcrm.drill.scene import Scene, venue_of
from omcrm.drill.watch import Watch
from omcrm.feeds.feed_set import Feed
from omcrm.feeds.poller import Poller, Polling
from omcrm.feeds.provider import Budget
from omcrm.feeds.quota import period
from omcrm.feeds.registry import POLLS
from omcrm.feeds.status import FeedState
from omcrm.market.session import is_open

# A fault is over well before the next one begins, and within the minute that is waited after a
# refusal for a limit: so that what is measured is how long a source needs by itself.
_SHORTEST, _LONGEST = 10.0, 55.0
# What is asked over HTTP has no connection to be cut, muted or sent garbage on.
_OF_CALLS = ("cut", "half-open", "429")
_HOUR = 3600.0
_SETTLING = 120.0
_HEALTHY_WITHIN = 60.0


class Hour(Struct, frozen=True):
    """How things stand at the end of an hour of the day; `late` are the faults after which a source
    was not healthy again before the next one."""

    number: int
    faults: int
    late: int
    wrong: int
    app: Cost
    exchange: Cost


class Excess(Struct, frozen=True):
    """A budget that was exceeded in the period that began then."""

    source: str
    budget: Budget
    began: datetime
    calls: int


class Day(Struct, frozen=True, kw_only=True):
    """What the day measured; `healthy` is in seconds from the last fault's end, None for never,
    `ill` names the sources that were not healthy a minute after it."""

    hours: tuple[Hour, ...]
    played: dict[str, int]
    wrong: tuple[str, ...]
    healthy: float | None
    ill: tuple[str, ...]
    calls: dict[str, int]
    excesses: tuple[Excess, ...]


def live_through(
    hours: float, speed: float, every: float, seed: int, folder: Path, tell: Callable[[Hour], None]
) -> Day:
    """Live through so many hours with a fault every so many seconds; `tell` hears of each hour."""
    rng, played = random.Random(seed), Counter[str]()
    told: list[Hour] = []
    with Scene(None, folder, speed, hours, Polling()) as scene, Watch(scene, 1) as watch:
        if not scene.wait(lambda: not _ill(scene), _SETTLING):
            raise DrillError(f"not every source comes up: {', '.join(_ill(scene))}")
        began, late = scene.feed_clock.now(), 0
        for number in range(round(hours * _HOUR / every)):
            _sleep_until(scene, began + number * every)
            late += bool(number and _ill(scene))
            source = rng.choice(sorted(scene.manager.status()))
            fault = rng.choice(_OF_CALLS if source in POLLS else tuple(FAULTS))
            play(scene, FAULTS[fault], rng.uniform(_SHORTEST, _LONGEST), source)
            scene.clear()
            played[f"{source} {fault}"] += 1
            if (number + 1) * every // _HOUR > len(told):
                here, there = cost(os.getpid()), cost(scene.exchange.pid)
                faults, wrong = played.total(), len(watch.wrong)
                told.append(Hour(len(told) + 1, faults, late, wrong, here, there))
                tell(told[-1])
        ended = scene.feed_clock.now()
        scene.wait(lambda: not _ill(scene), _HEALTHY_WITHIN)
        ill = _ill(scene)
        recovered = not ill or scene.wait(lambda: not _ill(scene), _SETTLING)
        healthy = scene.feed_clock.now() - ended if recovered else None
        calls = scene.calls()
        return Day(
            hours=tuple(told),
            played=dict(sorted(played.items())),
            wrong=tuple(watch.wrong),
            healthy=healthy,
            ill=tuple(ill),
            calls={name: len(item) for name, item in calls.items() if item},
            excesses=tuple(_excesses(scene, calls)),
        )


def _ill(scene: Scene) -> list[str]:
    """The sources that do not do what they should."""
    return [
        name for name, feed in scene.manager.feeds().items() if not _is_healthy(scene, name, feed)
    ]


def _is_healthy(scene: Scene, name: str, feed: Feed) -> bool:
    status = feed.status()
    if isinstance(feed, Poller):
        used_up = any(use.left == 0 for use in feed.uses())
        return status.state in (FeedState.POLLING, FeedState.STANDBY) or used_up
    followed = [
        instrument for instrument in scene.instruments if name in instrument.provider_symbols
    ]
    if any(is_open(instrument.asset_class, scene.clock()) for instrument in followed):
        return status.active
    return status.state in (FeedState.STREAMING, FeedState.CONNECTED)


def _excesses(scene: Scene, calls: dict[str, list[datetime]]) -> Iterable[Excess]:
    """Where more calls reached a venue than its budget has, by the venue's own count."""
    for name, feed in scene.manager.feeds().items():
        if isinstance(feed, Poller):
            for budget in feed.provider.limits.budgets:
                counted = Counter(period(call, budget) for call in calls[venue_of(name)])
                for began, count in counted.items():
                    if count > budget.calls:
                        yield Excess(name, budget, began, count)


def _sleep_until(scene: Scene, moment: float) -> None:
    scene.sleep(max(0.0, moment - scene.feed_clock.now()))
