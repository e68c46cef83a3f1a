"""When to connect again after a connection has ended."""

import random
from collections.abc import Iterator

from omcrm.errors import FeedRefused

_FIRST = 0.3
_LONGEST = 10.0
_LIMITED = 60.0
_FORBIDDEN = 300.0
_RESTRICTED = 600.0


def backoff(rng: random.Random) -> Iterator[float]:
    """Seconds to wait before each further attempt: doubling, capped, jittered by a quarter."""
    seconds = _FIRST
    while True:
        yield seconds * rng.uniform(0.75, 1.25)
        seconds = min(seconds * 2, _LONGEST)


def wait_after(error: Exception | None, delays: Iterator[float]) -> float:
    """Seconds to wait after `error`: the only place that decides this.

    A refusal for a limit or for lack of permission is not transient, and an immediate retry makes
    it worse; everything else takes the next of `delays`.
    """
    if isinstance(error, FeedRefused):
        if error.status in (418, 429):
            return max(error.retry_after or 0.0, _LIMITED)
        if error.status in (401, 403):
            return _FORBIDDEN
        if error.status == 451:
            return _RESTRICTED
    return next(delays)
