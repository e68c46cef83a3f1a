"""What the tests of the engine share."""

from tests.engine.bus_processes import group
from tests.engine.redis_server import redis_server

__all__ = ["group", "redis_server"]
