"""The watchdog reports no error of a working feed."""

import gzip
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from omcrm.errors import FeedError
from omcrm.feeds.watchdog import Watchdog, WatchdogTimeouts

STEP = 0.3
NIGHT = 8 * 3600.0
HOUR = 3600.0


def alarms(
    data: Iterable[float], until: float, closed: tuple[float, float] = (0.0, 0.0)
) -> list[tuple[float, FeedError]]:
    """The errors of a watchdog that is checked as often as by a supervisor, with an answer to every
    ping and prices at the seconds of `data`; the market is closed between those of `closed`."""
    watchdog, coming, now = Watchdog(WatchdogTimeouts(), 0.0), iter(data), 0.0
    following, errors = next(coming, None), []
    while now < until:
        now += STEP
        while following is not None and following <= now:
            watchdog.data(following)
            following = next(coming, None)
        if watchdog.wants_probe(now):
            watchdog.frame(now)
        is_open = not closed[0] <= now < closed[1]
        error = watchdog.check(now, expects_data=is_open)
        if error is not None:
            errors.append((now, error))
    return errors


def arrivals(recording: Path) -> list[float]:
    """When the recording's frames were received, in seconds from the first."""
    with gzip.open(recording) as lines:
        times = [int(line.split(b" ", 1)[0]) / 1e9 for line in lines if line[:1].isdigit()]
    return [time - times[0] for time in times]


def recordings(market_data: Path) -> list[Path]:
    return sorted((market_data / "binance" / "spot-2024-08-08").glob("*.gz"))


def test_the_recorded_feeds_are_never_broken(market_data: Path) -> None:
    """Both recordings of 346 seconds, the busiest pair and a quieter one."""
    alarms_raised = recordings(market_data)
    assert alarms_raised
    for recording in alarms_raised:
        times = arrivals(recording)

        assert [] == alarms(times, times[-1])


@pytest.mark.parametrize("seed", range(5))
def test_a_pair_that_trades_twice_in_half_a_minute(seed: int) -> None:
    """An hour of two trades in every thirty seconds, at random moments, raises no alarm."""
    chance = random.Random(seed)

    def trades() -> Iterator[float]:
        for begin in range(0, int(HOUR), 30):
            yield from sorted(begin + chance.uniform(0, 30) for _ in range(2))

    assert [] == alarms(trades(), HOUR)


@pytest.mark.parametrize("closed", [NIGHT, 2.5 * 24 * HOUR / 10])
def test_a_closed_market_raises_no_alarm(closed: float) -> None:
    """Neither during a night or a weekend, nor when it opens again."""
    day = [second / 2 for second in range(2 * 600)]
    morning = [600 + closed + 5 + second / 2 for second in range(2 * 600)]

    assert [] == alarms([*day, *morning], 600 + closed + 600, (600.0, 600 + closed))


def test_a_market_that_opens_without_data_raises_an_alarm() -> None:
    """The usual timeout counts from the opening."""
    day = [second / 2 for second in range(2 * 600)]
    (first, _), *_ = alarms(day, 600 + NIGHT + 60, (600.0, 600 + NIGHT))

    assert 8 <= first - (600 + NIGHT) <= 12
