import pytest

from omcrm.errors import FeedHeartbeatTimeout, FeedNoData
from omcrm.feeds.watchdog import Watchdog, WatchdogTimeouts

TIMEOUTS = WatchdogTimeouts(
    probe=3,
    heartbeat_timeout=10,
    no_data_factor=20,
    no_data_least=8,
    no_data_most=120,
    first_data=30,
)


@pytest.fixture
def dog() -> Watchdog:
    """A watchdog of a connection that was opened at second 100."""
    return Watchdog(TIMEOUTS, 100.0)


def fed(dog: Watchdog, every: float, times: int, began: float = 100.0) -> float:
    """Bring data `times` times; returns the second of the last."""
    now = began
    for _ in range(times):
        now += every
        dog.data(now)
    return now


# A dead transport


def test_a_new_connection_is_given_time(dog: Watchdog) -> None:
    """There is no error while nothing could have come yet."""
    assert None is dog.check(110.0, expects_data=True)


@pytest.mark.parametrize("expects_data", [True, False])
def test_without_any_frame_the_transport_is_dead(dog: Watchdog, expects_data: bool) -> None:
    """Whether prices are expected or not, the error has the seconds without a frame."""
    error = dog.check(110.5, expects_data=expects_data)

    assert isinstance(error, FeedHeartbeatTimeout)
    assert 10.5 == error.seconds


def test_any_frame_is_a_sign_of_life(dog: Watchdog) -> None:
    """A pong shows that the transport works."""
    dog.frame(109.0)

    assert None is dog.check(119.0, expects_data=False)
    assert isinstance(dog.check(119.1, expects_data=False), FeedHeartbeatTimeout)


def test_data_is_a_sign_of_life_too(dog: Watchdog) -> None:
    """A price shows that the transport works as well."""
    dog.data(109.0)

    assert None is dog.check(119.0, expects_data=True)


# Pings


def test_pings_at_intervals_without_frames(dog: Watchdog) -> None:
    """A quiet upstream is pinged every `probe` seconds, not at every check."""
    times = [100 + tenth / 10 for tenth in range(95)]

    assert [103.0, 106.0, 109.0] == [now for now in times if dog.wants_probe(now)]


def test_a_connection_with_frames_is_not_pinged(dog: Watchdog) -> None:
    """Every frame restarts the wait."""
    asked = []
    for second in range(101, 110):
        dog.frame(float(second))
        asked.append(dog.wants_probe(second + 0.5))

    assert not any(asked)
    assert dog.wants_probe(112.0)


# A connection without data


def test_first_data_may_take_longer(dog: Watchdog) -> None:
    """Before the usual gap is known, only data of other sources makes missing data an error."""
    dog.frame(109.0)
    dog.check(109.0, expects_data=True, witnessed=1_000)
    dog.frame(125.0)

    assert None is dog.check(130.0, expects_data=True, witnessed=1_020)
    dog.frame(130.1)
    assert None is dog.check(130.1, expects_data=True, witnessed=1_019)
    error = dog.check(130.1, expects_data=True, witnessed=1_020)

    assert isinstance(error, FeedNoData)
    assert 30.1 == round(error.seconds, 3)


@pytest.mark.parametrize(
    ("every", "allowed"),
    [(0.01, 8.0), (0.4, 8.0), (1.0, 20.0), (5.0, 100.0), (60.0, 120.0)],
)
def test_the_no_data_timeout_follows_the_usual_gap(
    dog: Watchdog, every: float, allowed: float
) -> None:
    """The timeout is a multiple of the usual gap, bounded at both ends."""
    last = fed(dog, every, 300)
    dog.frame(last + allowed)

    assert None is dog.check(last + allowed - 0.05, expects_data=True)
    assert isinstance(dog.check(last + allowed + 0.05, expects_data=True), FeedNoData)


def test_a_few_prices_make_no_usual_gap(dog: Watchdog) -> None:
    """A burst at the start does not shorten the timeout."""
    last = fed(dog, 0.01, 10)
    dog.frame(last + 29)

    assert None is dog.check(last + 29, expects_data=True)


def test_without_witnesses_the_timeout_is_longer(dog: Watchdog) -> None:
    """Where the other sources have no data either, the market may be quiet."""
    for now in range(105, 220, 5):
        dog.frame(now)
        assert None is dog.check(now, expects_data=True)
    dog.frame(220.1)

    assert isinstance(dog.check(220.1, expects_data=True), FeedNoData)


def test_a_closed_market_is_no_lack_of_data(dog: Watchdog) -> None:
    """While no data is expected, missing data is no error."""
    last = fed(dog, 0.1, 100)
    dog.frame(last + 3600)

    assert None is dog.check(last + 3600, expects_data=False)


def test_the_wait_for_data_begins_with_the_subscription(dog: Watchdog) -> None:
    """The wait counts from the moment of the subscription."""
    dog.frame(200.0)
    dog.restart_data(200.0)
    dog.frame(320.0)

    assert None is dog.check(320.0, expects_data=True)
    assert isinstance(dog.check(320.1, expects_data=True), FeedNoData)


def test_the_usual_gap_follows_recent_data(dog: Watchdog) -> None:
    """A feed that was lively an hour ago and is calm now gets the longer timeout."""
    last = fed(dog, 0.01, 1000)
    last = fed(dog, 2.0, 1000, last)
    dog.frame(last + 38)

    assert None is dog.check(last + 38, expects_data=True)
