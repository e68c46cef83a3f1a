from tests.engine.redis_server import RedisServer, redis_server

__all__ = ["redis_server"]


def test_a_server_is_empty_after_a_restart(redis_server: RedisServer) -> None:
    """At the same address."""
    redis_server.client.set("key", "value")
    redis_server.kill()
    redis_server.start()

    assert redis_server.client.get("key") is None
    assert f":{redis_server.port}/" in redis_server.url
