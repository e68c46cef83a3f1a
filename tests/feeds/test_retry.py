import random
from itertools import islice

import pytest

from omcrm.errors import FeedError, FeedHeartbeatTimeout, FeedNoData, FeedRefused
from omcrm.feeds.retry import backoff, wait_after
from omcrm.market.feed_event import FeedCode, FeedFigures


class Middle(random.Random):
    """Gives the middle of the jitter's range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def test_delays_double_up_to_a_cap() -> None:
    """The first retry comes soon, later ones after longer waits, and they never end."""
    delays = [round(delay, 3) for delay in islice(backoff(Middle()), 9)]

    assert [0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 10.0, 10.0, 10.0] == delays


def test_delays_are_jittered_by_a_quarter() -> None:
    """Many installations that lost their connection together do not reconnect together."""
    delays = [next(backoff(random.Random(seed))) for seed in range(300)]

    assert all(0.225 <= delay <= 0.375 for delay in delays)
    assert max(delays) - min(delays) > 0.1


@pytest.mark.parametrize(
    "error",
    [
        None,
        FeedError(FeedCode.CLOSED_BY_UPSTREAM, FeedFigures(detail="1001")),
        FeedHeartbeatTimeout(10),
        FeedNoData(30),
        FeedRefused(500, "broken"),
        FeedRefused(503, "busy", retry_after=3),
        FeedRefused(404, "not here"),
        ValueError("a fault of ours"),
    ],
    ids=str,
)
def test_a_transient_error_takes_the_next_delay(error: Exception | None) -> None:
    """After a lost connection it retries soon."""
    assert 7.5 == wait_after(error, iter([7.5]))


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        (429, None, 60),
        (429, 5, 60),
        (429, 3600, 3600),
        (418, None, 60),
        (418, 259_200, 259_200),
        (401, None, 300),
        (403, None, 300),
        (451, None, 600),
        (451, 5, 600),
    ],
)
def test_a_refusal_is_waited_out(status: int, retry_after: float | None, wait: float) -> None:
    """A limit is respected, and a forbidden request is repeated rarely."""
    delays = iter([0.1])

    assert wait == wait_after(FeedRefused(status, "no", retry_after), delays)
    assert 0.1 == next(delays)
