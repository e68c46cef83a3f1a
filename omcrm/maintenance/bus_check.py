"""Checks the bus between processes, where one is set."""

import time
from collections.abc import Iterator
from typing import Any

from omcrm.maintenance.finding import Finding, clock_finding, ok, problem, skipped

_PART = "bus"
_OLDEST_VERSION = 7
_TIMEOUT = 3.0


def check_bus(url: str) -> Iterator[Finding]:
    """The findings about the Redis or Valkey at this URL, which may be empty."""
    if not url:
        yield skipped(_PART, "BUS_URL is not set: one process")
        return
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        yield problem(_PART, "redis-py is not installed", "pip install -r requirements.txt")
        return
    try:
        # With its own retries it would try for ten seconds and more.
        with redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            yield from _findings(client)
    except (redis.RedisError, OSError, ValueError) as error:
        # Its text may repeat the URL.
        yield problem(
            _PART,
            f"cannot be used: {type(error).__name__}",
            "look whether Redis runs, and whether BUS_URL has its address and password",
        )


def _findings(client: Any) -> Iterator[Finding]:
    info = client.info("server")
    is_valkey = "valkey_version" in info
    name = "Valkey" if is_valkey else "Redis"
    version = str(info["valkey_version" if is_valkey else "redis_version"])
    if int(version.partition(".")[0]) < _OLDEST_VERSION:
        yield problem(
            _PART, f"{name} {version}", f"use Redis {_OLDEST_VERSION} or newer, or Valkey"
        )
    else:
        yield ok(_PART, f"{name} {version}")
    before = time.time()
    seconds, microseconds = client.time()
    theirs, after = seconds + microseconds / 1e6, time.time()
    ahead = max(0.0, before - theirs) - max(0.0, theirs - after)
    yield clock_finding("clock (bus)", "the bus's", ahead)
