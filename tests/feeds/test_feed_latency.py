"""Late ticks are distinguished from prompt ones, and both from differences of clocks."""

from datetime import datetime, timedelta

import pytest

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.market.tick import ON_TIME
from tests.values import START, after


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def latency_of(feed_latency: FeedLatency, at: float, transit: float) -> timedelta:
    """The latency of a tick that is received at second `at` after `transit` seconds."""
    return feed_latency.of(after(at), after(at - transit))


@pytest.fixture
def feed_latency() -> FeedLatency:
    """No tick was measured yet."""
    return FeedLatency()


def test_without_a_time_nothing_is_late_at_first(feed_latency: FeedLatency) -> None:
    """A tick without a time counts as on time before anything is measured."""
    assert ON_TIME == feed_latency.of(START, None)


def test_without_a_time_a_tick_has_the_latency_of_the_one_before(feed_latency: FeedLatency) -> None:
    """A book has the latency of the trade before it, and the next book that of the next trade."""
    latency_of(feed_latency, 0, 0.1)
    latency_of(feed_latency, 30, 20.1)
    late = feed_latency.of(after(30.1), None)
    latency_of(feed_latency, 31, 0.1)

    assert seconds(20) == late
    assert ON_TIME == feed_latency.of(after(31.1), None)


@pytest.mark.parametrize("transit", [0, 0.3, 2, 3.9, -1.5, -30])
def test_a_first_tick_is_on_time(feed_latency: FeedLatency, transit: float) -> None:
    """A clock may differ by seconds, and transit takes time."""
    assert ON_TIME == latency_of(feed_latency, 0, transit)


def test_a_first_tick_may_be_late(feed_latency: FeedLatency) -> None:
    """A tick older than any difference of clocks is late by the excess."""
    assert seconds(58) == latency_of(feed_latency, 0, 60)


@pytest.mark.parametrize(("transit", "late"), [(2.1, 0), (2.4, 2.3), (12.1, 12)])
def test_the_shortest_transit_is_the_baseline(
    feed_latency: FeedLatency, transit: float, late: float
) -> None:
    """Up to two seconds more than the shortest transit is jitter; more is latency."""
    latency_of(feed_latency, 0, 0.1)

    assert seconds(late) == latency_of(feed_latency, 1, transit)


def test_a_clock_that_is_ahead_makes_nothing_late(feed_latency: FeedLatency) -> None:
    """A single time from the future, or a clock that is corrected, is no baseline."""
    latency_of(feed_latency, 0, -30)
    ahead, right, late = (latency_of(feed_latency, 1, transit) for transit in (-29, -0.1, 20))

    assert (ON_TIME, ON_TIME, seconds(22)) == (ahead, right, late)


def test_an_old_trade_among_new_ones_is_late(feed_latency: FeedLatency) -> None:
    """The last trade of an illiquid symbol is as old as it says, and no tick but itself is."""
    latency_of(feed_latency, 0, 0.1)

    assert seconds(7200) == latency_of(feed_latency, 1, 7200)
    assert ON_TIME == feed_latency.of(after(1.1), None)
    assert ON_TIME == latency_of(feed_latency, 2, 0.1)


def test_after_a_gap_a_tick_without_a_time_counts_as_old_as_the_gap(
    feed_latency: FeedLatency,
) -> None:
    """Without times since, a book may be as old as the gap."""
    latency_of(feed_latency, 0, 0.1)
    soon, later = feed_latency.of(after(4), None), feed_latency.of(after(14), None)

    assert (ON_TIME, seconds(14)) == (soon, later)


@pytest.mark.parametrize("transit", [3601, -3601, 86_400 * 365])
def test_a_time_of_another_day_is_no_baseline(feed_latency: FeedLatency, transit: float) -> None:
    """Nor is it the latency of the ticks after it; the tick itself is as old as it says."""
    late = max(seconds(transit), ON_TIME)

    assert late == latency_of(feed_latency, 0, transit)
    assert (ON_TIME, seconds(10)) == (
        feed_latency.of(after(0.5), None),
        latency_of(feed_latency, 1, 12),
    )


def test_the_baseline_expires(feed_latency: FeedLatency) -> None:
    """A clock that was set is the new baseline after two periods of five minutes."""
    latency_of(feed_latency, 0, -2)
    soon = latency_of(feed_latency, 1, 1)
    remembered = latency_of(feed_latency, 301, 1)
    forgotten = latency_of(feed_latency, 602, 1)

    assert (seconds(3), seconds(3), ON_TIME) == (soon, remembered, forgotten)


# Lasting latency


def late_for(feed_latency: FeedLatency, times: int, lasting: float) -> datetime:
    """So many late ticks spread over `lasting` seconds; returns when the last one came."""
    for number in range(times):
        latency_of(feed_latency, number * lasting / (times - 1), 60)
    return after(lasting)


@pytest.mark.parametrize(
    ("times", "lasting", "expected"),
    [(20, 5, True), (19, 60, False), (20, 4.9, False), (200, 4.9, False), (200, 60, True)],
)
def test_only_many_over_long_are_lasting(
    feed_latency: FeedLatency, times: int, lasting: float, expected: bool
) -> None:
    """Neither a few late ticks nor a short burst mean that the connection is behind."""
    assert expected is feed_latency.is_lasting(late_for(feed_latency, times, lasting))


def test_nothing_lasts_at_first(feed_latency: FeedLatency) -> None:
    """Without ticks there is no lasting latency."""
    assert not feed_latency.is_lasting(after(100))


def test_one_tick_on_time_ends_it(feed_latency: FeedLatency) -> None:
    """After a tick on time the count starts anew."""
    now = late_for(feed_latency, 30, 10)
    before = feed_latency.is_lasting(now)
    latency_of(feed_latency, 10, 0)
    caught_up = feed_latency.is_lasting(now)
    latency_of(feed_latency, 11, 60)

    assert (True, False, False) == (before, caught_up, feed_latency.is_lasting(after(60)))


def test_another_connection_resets_the_count(feed_latency: FeedLatency) -> None:
    """The count of late ticks starts anew, the baseline stays."""
    now = late_for(feed_latency, 30, 10)
    feed_latency.reset()

    assert not feed_latency.is_lasting(now)
    assert seconds(58) == latency_of(feed_latency, 11, 60)
