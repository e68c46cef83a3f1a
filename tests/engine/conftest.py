"""What the tests of the engine share."""

from tests.engine.redis_server import redis_server

__all__ = ["redis_server"]
