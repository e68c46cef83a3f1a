import pytest

from omcrm.market.source import HealthState
from omcrm.market.source_health import SourceHealth
from tests.values import START, after


@pytest.fixture
def health() -> SourceHealth:
    """Binance is pending, with ten seconds of startup grace."""
    health = SourceHealth()
    health.set("binance", HealthState.PENDING, 0, START, after(10))
    return health


def test_an_unknown_source_is_down() -> None:
    """A source that was never set is down, not expected and not starting."""
    health = SourceHealth()

    assert HealthState.DOWN is health.state("binance")
    assert not health.is_expected("binance", START)
    assert not health.is_starting("binance", START)
    assert 0 == health.alive_from("binance")


def test_a_starting_source_is_expected_for_its_startup_grace(health: SourceHealth) -> None:
    """A source is expected until its startup grace ends or it goes down."""
    assert health.is_expected("binance", after(9))
    assert not health.is_expected("binance", after(10))
    health.set("binance", HealthState.DOWN, 0, after(2), after(12))

    assert not health.is_expected("binance", after(3))
    assert health.is_starting("binance", after(3))


def test_only_pending_extends_the_startup_grace(health: SourceHealth) -> None:
    """A source that has connected gets no new startup grace."""
    health.set("binance", HealthState.HEALTHY, 1, after(5), after(15))

    assert health.is_starting("binance", after(9))
    assert not health.is_starting("binance", after(10))


def test_an_ended_connection_is_not_alive(health: SourceHealth) -> None:
    """Connections before the current one are not alive, and none is while the source is down."""
    health.set("binance", HealthState.HEALTHY, 2, START, after(10))

    assert [False, True, True] == [
        health.is_alive("binance", number, "BTC") for number in (1, 2, 3)
    ]
    assert 2 == health.alive_from("binance")
    health.set("binance", HealthState.DOWN, 2, after(1), after(11))

    assert not health.is_alive("binance", 3, "BTC")
