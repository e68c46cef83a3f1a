import pytest

from omcrm.errors import FeedHeartbeatTimeout, FeedNoData
from omcrm.feeds.watchdog import Watchdog, WatchdogTimeouts

PATIENCE = WatchdogTimeouts(
    probe=3, silence=10, mute_factor=20, mute_least=8, mute_most=120, first_data=30
)


@pytest.fixture
def dog() -> Watchdog:
    """A watchdog of a connection that was opened at second 100."""
    return Watchdog(PATIENCE, 100.0)


def fed(dog: Watchdog, every: float, times: int, began: float = 100.0) -> float:
    """Bring data so often; the second of the last."""
    now = began
    for _ in range(times):
        now += every
        dog.data(now)
    return now


# A dead transport


def test_a_new_connection_is_given_time(dog: Watchdog) -> None:
    """Nothing is wrong while nothing could have come yet."""
    assert None is dog.verdict(110.0, expects_data=True)


@pytest.mark.parametrize("expects_data", [True, False])
def test_without_any_frame_the_transport_is_dead(dog: Watchdog, expects_data: bool) -> None:
    """Silence is fatal whether prices are expected or not, and says how long it was."""
    verdict = dog.verdict(110.5, expects_data=expects_data)

    assert isinstance(verdict, FeedHeartbeatTimeout)
    assert 10.5 == verdict.seconds


def test_any_frame_is_a_sign_of_life(dog: Watchdog) -> None:
    """A ping proves the transport."""
    dog.frame(109.0)

    assert None is dog.verdict(119.0, expects_data=False)
    assert isinstance(dog.verdict(119.1, expects_data=False), FeedHeartbeatTimeout)


def test_data_is_a_sign_of_life_too(dog: Watchdog) -> None:
    """A price proves the transport as well."""
    dog.data(109.0)

    assert None is dog.verdict(119.0, expects_data=True)


# Asking for a sign of life


def test_asks_after_silence_and_then_again_after_as_much(dog: Watchdog) -> None:
    """A quiet upstream is asked once a while, not at every look."""
    looks = [100 + tenth / 10 for tenth in range(95)]

    assert [103.0, 106.0, 109.0] == [now for now in looks if dog.wants_probe(now)]


def test_who_speaks_is_not_asked(dog: Watchdog) -> None:
    """Every frame begins the wait anew."""
    asked = []
    for second in range(101, 110):
        dog.frame(float(second))
        asked.append(dog.wants_probe(second + 0.5))

    assert not any(asked)
    assert dog.wants_probe(112.0)


# A connection that brings no prices


def test_first_data_may_take_longer(dog: Watchdog) -> None:
    """Before the usual gap is known, silence is strange only where others are heard."""
    dog.frame(109.0)
    dog.verdict(109.0, expects_data=True, witnessed=1_000)
    dog.frame(125.0)

    assert None is dog.verdict(130.0, expects_data=True, witnessed=1_020)
    dog.frame(130.1)
    assert None is dog.verdict(130.1, expects_data=True, witnessed=1_019)
    verdict = dog.verdict(130.1, expects_data=True, witnessed=1_020)

    assert isinstance(verdict, FeedNoData)
    assert 30.1 == round(verdict.seconds, 3)


@pytest.mark.parametrize(
    ("every", "allowed"),
    [(0.01, 8.0), (0.4, 8.0), (1.0, 20.0), (5.0, 100.0), (60.0, 120.0)],
)
def test_patience_follows_the_usual_gap(dog: Watchdog, every: float, allowed: float) -> None:
    """What usually speaks often is missed soon, within bounds for the lively and the quiet."""
    last = fed(dog, every, 300)
    dog.frame(last + allowed)

    assert None is dog.verdict(last + allowed - 0.05, expects_data=True)
    assert isinstance(dog.verdict(last + allowed + 0.05, expects_data=True), FeedNoData)


def test_a_few_prices_make_no_habit(dog: Watchdog) -> None:
    """A burst at the start does not make the patience short."""
    last = fed(dog, 0.01, 10)
    dog.frame(last + 29)

    assert None is dog.verdict(last + 29, expects_data=True)


def test_alone_it_is_waited_longer(dog: Watchdog) -> None:
    """Where nobody else is heard, either, the market may be quiet."""
    for now in range(105, 220, 5):
        dog.frame(now)
        assert None is dog.verdict(now, expects_data=True)
    dog.frame(220.1)

    assert isinstance(dog.verdict(220.1, expects_data=True), FeedNoData)


def test_a_closed_market_is_not_mute(dog: Watchdog) -> None:
    """While no data is expected, none is missed."""
    last = fed(dog, 0.1, 100)
    dog.frame(last + 3600)

    assert None is dog.verdict(last + 3600, expects_data=False)


def test_data_that_was_not_expected_is_not_missed_at_once(dog: Watchdog) -> None:
    """From the moment something is subscribed, the wait begins."""
    dog.frame(200.0)
    dog.restart_data(200.0)
    dog.frame(320.0)

    assert None is dog.verdict(320.0, expects_data=True)
    assert isinstance(dog.verdict(320.1, expects_data=True), FeedNoData)


def test_the_habit_is_that_of_late(dog: Watchdog) -> None:
    """Who was lively an hour ago and is calm now, is not missed too soon."""
    last = fed(dog, 0.01, 1000)
    last = fed(dog, 2.0, 1000, last)
    dog.frame(last + 38)

    assert None is dog.verdict(last + 38, expects_data=True)
