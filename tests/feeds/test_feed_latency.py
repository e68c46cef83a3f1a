"""Late news are told from quick ones, and clocks that differ from both."""

from datetime import datetime, timedelta

import pytest

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.market.tick import ON_TIME
from tests.values import START, after


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def told(feed_latency: FeedLatency, at: float, way: float) -> timedelta:
    """How late news are that come then and took so long by their own time."""
    return feed_latency.of(after(at), after(at - way))


@pytest.fixture
def feed_latency() -> FeedLatency:
    """Nothing was heard yet."""
    return FeedLatency()


def test_without_a_time_nothing_is_late_at_first(feed_latency: FeedLatency) -> None:
    """News that carry no time are taken as they come."""
    assert ON_TIME == feed_latency.of(START, None)


def test_without_a_time_news_are_as_late_as_those_before_them(feed_latency: FeedLatency) -> None:
    """A book came the same way as the trade before it, and the next one as the next trade."""
    told(feed_latency, 0, 0.1)
    told(feed_latency, 30, 20.1)
    late = feed_latency.of(after(30.1), None)
    told(feed_latency, 31, 0.1)

    assert seconds(20) == late
    assert ON_TIME == feed_latency.of(after(31.1), None)


@pytest.mark.parametrize("way", [0, 0.3, 2, 3.9, -1.5, -30])
def test_a_first_word_is_on_time(feed_latency: FeedLatency, way: float) -> None:
    """A clock may differ by seconds, and the way takes its time."""
    assert ON_TIME == told(feed_latency, 0, way)


def test_a_first_word_may_be_late(feed_latency: FeedLatency) -> None:
    """What is older than any difference of clocks is late, by what exceeds that."""
    assert seconds(58) == told(feed_latency, 0, 60)


@pytest.mark.parametrize(("way", "late"), [(2.1, 0), (2.4, 2.3), (12.1, 12)])
def test_the_shortest_way_is_the_measure(
    feed_latency: FeedLatency, way: float, late: float
) -> None:
    """Two seconds more than the shortest way is jitter; more than that is late."""
    told(feed_latency, 0, 0.1)

    assert seconds(late) == told(feed_latency, 1, way)


def test_a_clock_that_is_ahead_makes_nothing_late(feed_latency: FeedLatency) -> None:
    """A single time from the future, or a clock that is set right, is no measure."""
    told(feed_latency, 0, -30)
    ahead, right, late = (told(feed_latency, 1, way) for way in (-29, -0.1, 20))

    assert (ON_TIME, ON_TIME, seconds(22)) == (ahead, right, late)


def test_an_old_trade_among_new_ones_is_late(feed_latency: FeedLatency) -> None:
    """The last one of a symbol that hardly trades is no recording where others are of today."""
    told(feed_latency, 0, 0.1)

    assert seconds(7200) == told(feed_latency, 1, 7200)
    assert ON_TIME == told(feed_latency, 2, 0.1)


def test_after_a_silence_news_without_a_time_may_be_as_old_as_that(
    feed_latency: FeedLatency,
) -> None:
    """What was held up together with the times is not known to be late, nor to be new."""
    told(feed_latency, 0, 0.1)
    soon, later = feed_latency.of(after(4), None), feed_latency.of(after(14), None)

    assert (ON_TIME, seconds(14)) == (soon, later)


@pytest.mark.parametrize("way", [3601, -3601, 86_400 * 365])
def test_a_recording_is_on_time(feed_latency: FeedLatency, way: float) -> None:
    """Times of another day say nothing about the way, and are no measure for what follows."""
    recorded = told(feed_latency, 0, way)

    assert (ON_TIME, seconds(10)) == (recorded, told(feed_latency, 1, 12))


def test_the_measure_is_forgotten(feed_latency: FeedLatency) -> None:
    """A clock that was set is believed after two times five minutes."""
    told(feed_latency, 0, -2)
    at_once = told(feed_latency, 1, 1)
    remembered = told(feed_latency, 301, 1)
    forgotten = told(feed_latency, 602, 1)

    assert (seconds(3), seconds(3), ON_TIME) == (at_once, remembered, forgotten)


# Whether it lasts


def late_for(feed_latency: FeedLatency, times: int, lasting: float) -> datetime:
    """So much late news spread over that time; when the last of it came."""
    for number in range(times):
        told(feed_latency, number * lasting / (times - 1), 60)
    return after(lasting)


@pytest.mark.parametrize(
    ("times", "lasting", "expected"),
    [(20, 5, True), (19, 60, False), (20, 4.9, False), (200, 4.9, False), (200, 60, True)],
)
def test_only_many_over_long_are_lasting(
    feed_latency: FeedLatency, times: int, lasting: float, expected: bool
) -> None:
    """Neither a few stragglers nor a short burst is a connection that fell behind."""
    assert expected is feed_latency.is_lasting(late_for(feed_latency, times, lasting))


def test_nothing_lasts_at_first(feed_latency: FeedLatency) -> None:
    """Silence is for others to notice."""
    assert not feed_latency.is_lasting(after(100))


def test_one_word_on_time_ends_it(feed_latency: FeedLatency) -> None:
    """Who has caught up begins to be counted anew."""
    now = late_for(feed_latency, 30, 10)
    before = feed_latency.is_lasting(now)
    told(feed_latency, 10, 0)
    caught_up = feed_latency.is_lasting(now)
    told(feed_latency, 11, 60)

    assert (True, False, False) == (before, caught_up, feed_latency.is_lasting(after(60)))


def test_another_connection_starts_anew(feed_latency: FeedLatency) -> None:
    """It is not to blame for the one before, but its measure stays."""
    now = late_for(feed_latency, 30, 10)
    feed_latency.start_anew()

    assert not feed_latency.is_lasting(now)
    assert seconds(58) == told(feed_latency, 11, 60)
