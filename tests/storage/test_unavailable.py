import sqlite3

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from omcrm.storage.unavailable import is_unavailable


def failure(*statements: str) -> DBAPIError:
    """SQLite's error for the last of these statements."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        for statement in statements[:-1]:
            connection.execute(text(statement))
        with pytest.raises(DBAPIError) as error:
            connection.execute(text(statements[-1]))
    engine.dispose()
    return error.value


@pytest.mark.parametrize(
    "statements",
    [
        ("SELECT * FROM nowhere",),
        ("CREATE TABLE a (b)", "SELECT c FROM a"),
        ("CREATE TABLE a (b)", "INSERT INTO a (c) VALUES (1)"),
        ("PRAGMA query_only=1", "CREATE TABLE a (b)"),
        ("CREATE TABLE a (b)", "PRAGMA max_page_count=1", "INSERT INTO a VALUES (zeroblob(99999))"),
        ("ATTACH '/nowhere/at/all.db' AS other",),
    ],
)
def test_a_database_that_cannot_be_used(statements: tuple[str, ...]) -> None:
    """Not migrated, read-only, full, missing."""
    assert is_unavailable(failure(*statements))


@pytest.mark.parametrize(
    "statements",
    [
        ("SELEC 1",),
        ("CREATE TABLE a (b UNIQUE)", "INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (1)"),
        ("CREATE TABLE a (b NOT NULL)", "INSERT INTO a VALUES (NULL)"),
        ("CREATE TABLE a (b)", "INSERT INTO a VALUES (1, 2)"),
    ],
)
def test_a_statement_that_is_wrong(statements: tuple[str, ...]) -> None:
    """It is a bug of ours, and no unavailable database."""
    assert not is_unavailable(failure(*statements))


class DriverError(Exception):
    """An error of PostgreSQL's driver."""

    def __init__(self, state: str | None) -> None:
        super().__init__("failed")
        self.sqlstate = state


@pytest.mark.parametrize("state", ["42P01", "42703", "25006"])
def test_states_of_postgresql(state: str) -> None:
    """No table, no column, a transaction that may only read."""
    assert is_unavailable(DBAPIError("", None, DriverError(state)))


def test_errors_of_values_and_other_errors() -> None:
    """They do not mean that the database is unavailable."""
    assert not is_unavailable(None)
    assert not is_unavailable(ValueError("x"))
    assert not is_unavailable(SQLAlchemyError("x"))
    assert not is_unavailable(DBAPIError("", None, DriverError("22021")))
    assert not is_unavailable(sqlite3.OperationalError("not by way of SQLAlchemy"))


def test_a_pool_that_is_empty() -> None:
    """All connections are in use."""
    assert is_unavailable(PoolTimeout())
