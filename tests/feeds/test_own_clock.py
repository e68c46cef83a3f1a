"""This machine's clock is compared with the seconds since its start, and with the sources'."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.feeds.own_clock import OwnClock
from tests.feeds.virtual_feed import VirtualClock, VirtualFeedClock
from tests.values import after


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that is right."""
    return VirtualClock()


@pytest.fixture
def own(clock: VirtualClock) -> OwnClock:
    """What the feeds know of it."""
    return clock.own()


def compared(own: OwnClock, *transits: float) -> OwnClock:
    """After so many sources have these usual transits."""
    for number, transit in enumerate(transits):
        own.compare(f"source-{number}", transit)
    return own


def test_it_reads_the_time_and_the_seconds_since_the_start(
    own: OwnClock, clock: VirtualClock
) -> None:
    """Both at once, the first by the clock that may be wrong."""
    clock.now, clock.ahead = 5.0, 0.3

    assert (after(5.3), 5.0) == own.read()


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1000, 1000)), max_size=20))
def test_every_step_is_known(steps: list[tuple[float, float]]) -> None:
    """However often it is set; half a second may remain unknown."""
    clock = VirtualClock()
    own = clock.own()
    for passed, ahead in steps:
        clock.now, clock.ahead = clock.now + passed, ahead
        own.read()

        assert ahead == pytest.approx(own.stepped, abs=0.501)


def test_time_that_passes_is_no_step(own: OwnClock, clock: VirtualClock) -> None:
    """However long nothing was read, as while the machine slept."""
    clock.now = 1e6
    own.read()

    assert 0 == own.stepped


def test_a_slow_reading_is_no_step(clock: VirtualClock) -> None:
    """A busy machine may stop between the readings of both clocks; then they are read again."""
    pauses = [2.0, 0.0, 2.0]

    def wall() -> datetime:
        moment = clock.wall()
        clock.now += pauses.pop() if pauses else 0.0
        return moment

    own = OwnClock(wall, VirtualFeedClock(clock=clock))
    own.read()

    assert 0 == own.stepped


@pytest.mark.parametrize(
    ("transits", "ahead"),
    [
        ((), None),
        ((4.1,), None),
        ((4.1, 4.2), 4.1),
        ((4.1, 0.1), None),
        ((4.2, 0.1, 4.1), 4.1),
        ((4.2, 0.1, 4.1, 0.2), None),
        ((-3.9, -3.8), -3.9),
        ((0.1, 0.2), 0),
        ((0.1, 0.2, 9.0, -9.0, 0.3), 0),
    ],
)
def test_what_most_sources_share_is_its_offset(
    own: OwnClock, transits: tuple[float, ...], ahead: float | None
) -> None:
    """Two at least, within a second; a transit over a network is none."""
    assert ahead == compared(own, *transits).ahead()


@pytest.mark.parametrize(
    ("transits", "credit"),
    [((), 0.5), ((9.0,), 0.5), ((0.3, 0.2), 0.5), ((4.1, 4.2), 4.6), ((-3.9, -3.8), -3.4)],
)
def test_a_network_and_the_offset_are_credited(
    own: OwnClock, transits: tuple[float, ...], credit: float
) -> None:
    """One source's transit may as well be a delay."""
    assert credit == pytest.approx(compared(own, *transits).credit)


@pytest.mark.parametrize(("step", "credit"), [(-5, 5.5), (5, 0.5)])
def test_what_it_is_set_back_by_is_credited(
    own: OwnClock, clock: VirtualClock, step: float, credit: float
) -> None:
    """It was ahead by as much before, as long as no sources tell."""
    clock.ahead = step
    own.read()
    alone = own.credit

    assert (credit, 0.5) == (pytest.approx(alone), compared(own, 0.1, 0.2).credit)


def test_steps_are_part_of_the_offset(own: OwnClock, clock: VirtualClock) -> None:
    """Usual transits are without them."""
    compared(own, 0.1, 0.2)
    clock.ahead = 5
    own.read()

    assert 5.1 == own.ahead()


def test_the_first_tells_that_it_is_off(own: OwnClock) -> None:
    """Again only after it was right."""
    compared(own, 4.1, 4.2)
    calls = [own.tells(), own.tells()]
    compared(own, 0.1, 0.2)

    assert [True, False, True] == [*calls, own.tells()]
