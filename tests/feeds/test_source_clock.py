"""A source's usual transit is a robust one, and a clock that is off is a problem."""

import math
import random

import pytest

from omcrm.feeds.source_clock import SourceClock, UsualTransit
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem
from tests.feeds.virtual_feed import VirtualClock


def noted(*transits: float, usual: UsualTransit | None = None, since: float = 0.0) -> UsualTransit:
    """The usual transit after these, five of them a second."""
    usual = usual or UsualTransit()
    for number, transit in enumerate(transits):
        usual.note(transit, since + number / 5)
    return usual


def test_it_is_unknown_at_first() -> None:
    """It takes five ticks over a second."""
    assert math.inf == noted(*[0.1] * 5).at(1)
    assert 0.1 == noted(*[0.1] * 6).at(1)


def test_noting_gives_the_usual_transit() -> None:
    """After the tick."""
    usual = noted(*[0.1] * 10)

    assert usual.at(2) == usual.note(0.5, 2)


def test_a_burst_is_no_second() -> None:
    """A thousand ticks at once may all be early."""
    usual = noted(*[0.1] * 10)
    for _ in range(1000):
        usual.note(-30, 3)

    assert 0.1 == pytest.approx(usual.at(3), abs=0.01)


@pytest.mark.parametrize("every", [4, 10, 100])
def test_a_few_early_ticks_change_nothing(every: int) -> None:
    """A fifth of all at most."""
    transits = [-30.0 if number % (every + 1) == 0 else 0.1 for number in range(2000)]

    assert 0.1 == pytest.approx(noted(*transits[1:]).at(400), abs=0.01)


def test_it_falls_to_what_lasts() -> None:
    """Within a second and some ticks."""
    usual = noted(*[0.1] * 50)

    assert -3.9 == pytest.approx(noted(*[-3.9] * 10, usual=usual, since=10).at(12), abs=0.01)


def test_it_is_near_the_lower_end() -> None:
    """Of transits that jitter by a second, the usual one is below the middle."""
    chance = random.Random(1)

    assert 0.1 < noted(*[chance.uniform(0, 1) for _ in range(5000)]).at(1000) < 0.5


def test_it_rises_as_slowly_as_a_clock_is_slewed() -> None:
    """Ticks that take longer do not raise it."""
    usual = noted(*[0.1] * 10)
    before = usual.at(2)
    noted(*[20.0] * 5000, usual=usual, since=2)

    assert 0.5 == pytest.approx(usual.at(1002) - before, abs=0.01)


# Problems


def source_clock(clock: VirtualClock | None = None) -> SourceClock:
    return SourceClock("binance", (clock or VirtualClock()).own())


@pytest.mark.parametrize(
    ("offset", "seconds"), [(None, None), (0.1, None), (-1.9, None), (4.11, -4.1), (-3.9, 3.9)]
)
def test_a_clock_that_is_off_is_a_problem(offset: float | None, seconds: float | None) -> None:
    """With the seconds by which it is ahead, behind where negative."""
    clock = source_clock()
    clock.compare(offset, 0)
    problem = FeedProblem(FeedCode.CLOCK_OFF, FeedFigures(seconds=seconds))

    assert (None if seconds is None else problem) == clock.problem


def test_a_problem_ends_later_than_it_begins() -> None:
    """And its figure stays while it changes by little."""
    clock = source_clock()
    figures = []
    for offset in (1.9, 2.1, 1.9, 2.4, 3.0, 1.6, 1.4, 1.9):
        clock.compare(offset, 0)
        figures.append(clock.problem and clock.problem.figures.seconds)

    assert [None, -2.1, -2.1, -2.1, -3.0, -1.6, None, None] == figures


def test_what_sources_share_is_a_problem_of_this_machines_clock() -> None:
    """Of both sources, and reported once."""
    own = VirtualClock().own()
    clocks = [SourceClock("binance", own), SourceClock("kraken", own)]
    for clock in clocks:
        noted(*[4.1] * 10, usual=clock.usual)
    for clock in [*clocks, clocks[0]]:
        clock.compare(4.1, 2)
    problem = FeedProblem(FeedCode.OWN_CLOCK_OFF, FeedFigures(seconds=4.1))

    assert [problem, problem] == [clock.problem for clock in clocks]
    assert [problem, None] == [clock.news(None) for clock in clocks]


def test_a_problem_is_reported_once() -> None:
    """While it is of the same kind."""
    clock = source_clock()
    clock.compare(4.1, 0)
    first = clock.news(None)
    before = clock.problem
    clock.compare(9.1, 0)

    assert (FeedCode.CLOCK_OFF, None) == (first and first.code, clock.news(before))
    assert clock.problem != before
    assert source_clock().news(before) is None


def test_a_replacement_in_vain_waits_longer_each_time() -> None:
    """Ten minutes, twenty, and an hour at most; one that helped takes nothing from the next."""
    clock, waits, now = source_clock(), [], 0.0
    assert clock.may_replace(now)
    for in_vain in (False, True, True, True, True, False):
        clock.note_replacement(now, in_vain=in_vain)
        waits.append(next(wait for wait in range(0, 3601, 600) if clock.may_replace(now + wait)))
        now += waits[-1]

    assert [600, 1200, 2400, 3600, 3600, 600] == waits
