"""Connections that wait no longer than they are told, and names for every database."""

import pytest
from redis import RedisError

from omcrm.engine.redis_connection import connect_redis, names_for, shown_url
from tests.engine.redis_server import RedisServer


def test_databases_of_one_server_have_channels_of_their_own() -> None:
    """Channels are common to all databases, so their names have the number."""
    names = {names_for(f"redis://bus{path}") for path in ("", "/0", "/1", "/2")}

    assert 3 == len(names)
    assert names_for("redis://bus") == names_for("rediss://:secret@other/0")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://bus", "redis://bus"),
        ("rediss://desk:secret@bus:6380/2", "rediss://bus:6380/2"),
        ("redis://:secret@[::1]:6379/0?ssl_keyfile=x", "redis://[::1]:6379/0"),
    ],
)
def test_nothing_secret_is_shown(url: str, shown: str) -> None:
    """Host, port and database are what an operator needs."""
    assert shown == shown_url(url)


def test_a_hanging_server_is_asked_once(redis_server: RedisServer) -> None:
    """The URL cannot make the wait longer, and nothing is tried again."""
    client = connect_redis(f"{redis_server.url}?socket_timeout=3600", 0.05)
    client.ping()
    redis_server.pause()
    try:
        for _ in range(3):
            with pytest.raises(RedisError):
                client.ping()
    finally:
        redis_server.resume()
        client.close()
