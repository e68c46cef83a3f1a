"""A real Redis, made for the tests."""

import shutil
from collections.abc import Iterator

import pytest

from simulator.drill.processes import redis_server as drilled
from tests.conftest import missing
from tests.processes import free_port


class RedisServer(drilled.RedisServer):
    """A running server without a file: after a restart it is empty."""

    def __init__(self, *options: str) -> None:
        if shutil.which(drilled.PROGRAM) is None:
            missing(drilled.PROGRAM)
        super().__init__(free_port(), *options)
        self.start()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """An empty server."""
    server = RedisServer()
    yield server
    server.remove()
