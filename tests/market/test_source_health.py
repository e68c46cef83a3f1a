import pytest

from omcrm.market.source import HealthState
from omcrm.market.source_health import SourceHealth
from tests.values import START, after


@pytest.fixture
def health() -> SourceHealth:
    """Binance has begun to connect, and has ten seconds for its first price."""
    health = SourceHealth()
    health.set("binance", HealthState.PENDING, 0, START, after(10))
    return health


def test_an_unknown_source_is_down() -> None:
    """Nothing is expected of it."""
    health = SourceHealth()

    assert health.is_down("binance")
    assert not health.is_expected("binance", START)
    assert not health.is_starting("binance", START)
    assert 0 == health.alive_from("binance")


def test_a_starting_source_is_expected_for_a_while(health: SourceHealth) -> None:
    """Not for longer than its grace, and no more once it is down."""
    assert health.is_expected("binance", after(9))
    assert not health.is_expected("binance", after(10))
    health.set("binance", HealthState.DOWN, 0, after(2), after(12))

    assert not health.is_expected("binance", after(3))
    assert health.is_starting("binance", after(3))


def test_only_pending_prolongs_the_grace(health: SourceHealth) -> None:
    """Who has connected does not get the time of a start again."""
    health.set("binance", HealthState.HEALTHY, 1, after(5), after(15))

    assert health.is_starting("binance", after(9))
    assert not health.is_starting("binance", after(10))


def test_an_ended_connection_is_not_alive(health: SourceHealth) -> None:
    """One that overlaps with its successor is."""
    health.set("binance", HealthState.HEALTHY, 2, START, after(10))

    assert [False, True, True] == [health.is_alive("binance", number) for number in (1, 2, 3)]
    assert 2 == health.alive_from("binance")
    health.set("binance", HealthState.DOWN, 2, after(1), after(11))

    assert not health.is_alive("binance", 3)
