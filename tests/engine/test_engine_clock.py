"""The engine's time is told by what it sends, whatever this machine's clock says."""

from datetime import UTC, datetime, timedelta

from omcrm.engine.engine_clock import EngineClock
from tests.values import START

SECOND = timedelta(seconds=1)


def test_before_anything_came_it_is_this_machine_s_time() -> None:
    """Nothing else is known."""
    assert START == EngineClock(lambda: START).now()


def test_the_time_of_a_frame_goes_on() -> None:
    """By the monotonic clock, and never behind what was sent."""
    clock = EngineClock(lambda: START)

    assert not clock.note(START + 30 * SECOND, anew=True)
    first = clock.now()
    assert START + 30 * SECOND <= first <= clock.now()


def test_a_frame_that_was_long_on_its_way_is_late_and_sets_nothing_back() -> None:
    """Until another engine begins, whose clock may be another one."""
    clock = EngineClock(lambda: START)
    clock.note(START, anew=True)

    assert clock.note(START - 5 * SECOND, anew=False)
    assert clock.now() >= START
    assert not clock.note(START - 5 * SECOND, anew=True)
    assert clock.now() < datetime.now(UTC)
