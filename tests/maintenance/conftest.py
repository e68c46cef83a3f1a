"""Databases with rows of every kind, on SQLite and PostgreSQL."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from omcrm.maintenance.database_app import OpenDatabase, open_database
from tests.maintenance.filled import fill
from tests.storage.postgresql_server import new_database, postgresql

__all__ = ["postgresql"]

Open = Callable[[str], OpenDatabase]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens a database by its URL."""
    with ExitStack() as at_the_end:
        yield lambda url: at_the_end.enter_context(open_database(url, tmp_path / "instance"))


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database on which the test runs."""
    return str(request.param)


@pytest.fixture
def new_url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Gives the URL of a new, empty database of a kind."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'{secrets.token_hex(4)}.db'}"
        return new_database(request.getfixturevalue("postgresql"))

    return make


@pytest.fixture
def filled(opened: Open, new_url: Callable[[str], str]) -> Callable[[str], OpenDatabase]:
    """Makes a database of a kind, with rows."""

    def make(kind: str) -> OpenDatabase:
        database = opened(new_url(kind))
        database.upgrade()
        fill(database)
        return database

    return make
