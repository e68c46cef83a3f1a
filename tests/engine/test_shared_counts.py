"""Counts are common to all processes, and nobody waits long for them."""

from collections.abc import Iterator

import pytest

from omcrm.engine.shared_counts import SharedCounts
from tests.engine.redis_server import RedisServer
from tests.processes import wait_for


@pytest.fixture
def counts(redis_server: RedisServer) -> Iterator[tuple[SharedCounts, SharedCounts]]:
    """Those of two processes."""
    pair = SharedCounts(redis_server.url), SharedCounts(redis_server.url)
    yield pair
    for one in pair:
        one.close()


def test_all_processes_count_together(counts: tuple[SharedCounts, SharedCounts]) -> None:
    """Each name by itself, until it is cleared."""
    first, second = counts

    assert [1, 3, 4] == [first.add("a", 1, 60), second.add("a", 2, 60), first.add("a", 1, 60)]
    assert 4 == second.get("a")[0]
    assert 1 == second.add("b", 1, 60)
    first.clear("a")
    assert (0, 0.0) == second.get("a")


def test_a_count_ends(counts: tuple[SharedCounts, SharedCounts]) -> None:
    """So long after it began, however often it was added to."""
    first, second = counts
    first.add("a", 1, 3600)
    assert 0 < second.get("a")[1] <= 3600
    first.add("short", 1, 0.05)

    wait_for(lambda: second.get("short")[0] == 0, what="the end")


def test_a_server_that_is_not_reached_counts_nothing(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """That is no error; after the first call nobody waits for a while, and the log says so once."""
    redis_server.pause()
    counts = SharedCounts(redis_server.url)
    try:
        assert [None] * 500 == [counts.add("a", 1, 60) for _ in range(500)]
        assert None is counts.get("a")
        counts.clear("a")
    finally:
        redis_server.resume()
        counts.close()

    assert 1 == len(caplog.records)
