"""A real PostgreSQL, made for the tests."""

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from simulator.drill.processes import postgresql_server as drilled
from tests.conftest import missing
from tests.processes import free_port

_databases = itertools.count(1)


def program(name: str) -> str:
    return drilled.program(name) or missing(f"PostgreSQL's {name}") or ""


class PostgresqlServer(drilled.PostgresqlServer):
    """A server on a port of the tests."""

    def __init__(self, *, password: str | None = None) -> None:
        super().__init__(free_port(), password=password)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    program("initdb")
    server = PostgresqlServer()
    try:
        server.initialize()
        server.start()
        yield server.url
    finally:
        server.stop()


def new_database(postgresql: str) -> str:
    """The URL of another, empty database of this server."""
    name = f"test_{next(_databases)}"
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{postgresql.rpartition('/')[0]}/{name}"
