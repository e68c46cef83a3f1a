"""Rate limits count in all processes together, and go on where the others are not reached."""

import pytest
from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from omcrm.auth.shared_storage import SharedStorage, storage_uri
from tests.engine.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]

THREE = RateLimitItemPerHour(3)


@pytest.fixture
def limiters(redis_server: RedisServer) -> list[FixedWindowRateLimiter]:
    """Those of two processes."""
    storages = [storage_from_string(storage_uri(redis_server.url)) for _ in range(2)]
    return [FixedWindowRateLimiter(storage) for storage in storages]


def test_without_a_bus_the_memory_counts() -> None:
    """As in an installation of one process."""
    assert isinstance(storage_from_string(storage_uri("")), MemoryStorage)
    assert not isinstance(storage_from_string(storage_uri("")), SharedStorage)


def test_two_processes_have_one_limit(limiters: list[FixedWindowRateLimiter]) -> None:
    """Also for the look without counting, and for when it ends."""
    first, second = limiters
    spent = [part.hit(THREE, "login", "10.0.0.1") for part in (first, second, first, second)]

    assert [True, True, True, False] == spent
    assert not first.test(THREE, "login", "10.0.0.1")
    assert second.test(THREE, "login", "10.0.0.2")
    assert (
        abs(
            first.get_window_stats(THREE, "login", "10.0.0.1").reset_time
            - second.get_window_stats(THREE, "login", "10.0.0.1").reset_time
        )
        < 60
    )


def test_a_lost_server_leaves_each_its_own_count(
    limiters: list[FixedWindowRateLimiter], redis_server: RedisServer
) -> None:
    """With what it counted before; no caller gets an error."""
    first, second = limiters
    for part in (first, first, second):
        part.hit(THREE, "login", "10.0.0.1")
    redis_server.kill()

    assert [True, False] == [first.hit(THREE, "login", "10.0.0.1") for _ in range(2)]
    assert [True, True, False] == [second.hit(THREE, "login", "10.0.0.1") for _ in range(3)]
