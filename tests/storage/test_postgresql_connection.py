import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import InternalError, OperationalError

from omcrm.storage.database import lift_limits, listen_to_postgresql
from omcrm.storage.unavailable import is_unavailable


@pytest.fixture
def connection(postgresql: str) -> Iterator[Connection]:
    """A connection as the app opens it, that waits for half a second only."""
    engine = create_engine(postgresql, pool_pre_ping=True)
    listen_to_postgresql(engine)
    with engine.connect() as connection:
        wait_for_answers(connection, 0.5)
        yield connection
    engine.dispose()


def wait_for_answers(connection: Connection, seconds: float | None) -> None:
    """Let its statements take so long."""
    driver: Any = connection.connection.driver_connection
    driver.answer_timeout = seconds


def process_of(connection: Connection) -> int:
    """The server's process that serves this connection."""
    return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


@contextmanager
def frozen(connection: Connection) -> Iterator[int]:
    """Meanwhile the server's process of this connection does not run; gives its number."""
    process = process_of(connection)
    connection.rollback()
    os.kill(process, signal.SIGSTOP)
    try:
        yield process
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_frozen_server_is_not_waited_for(connection: Connection) -> None:
    """The statement fails as for a database that is away, and the next one has a new connection."""
    with frozen(connection) as process:
        with pytest.raises(OperationalError) as failure:
            connection.execute(text("SELECT 1"))
        connection.rollback()

        assert is_unavailable(failure.value)
        assert failure.value.connection_invalidated
        assert process != process_of(connection)


def test_an_idle_connection_whose_server_froze_is_replaced(connection: Connection) -> None:
    """Nobody who comes later gets it from the pool."""
    with frozen(connection) as process:
        connection.close()
        with connection.engine.connect() as another:
            assert process != process_of(another)


def test_a_slow_statement_may_be_allowed(connection: Connection) -> None:
    """A migration takes as long as it takes."""
    lift_limits(connection.connection.driver_connection)
    connection.execute(text("SELECT pg_sleep(1)"))
    wait_for_answers(connection, 0.5)
    with pytest.raises(OperationalError, match="did not answer"):
        connection.execute(text("SELECT pg_sleep(60)"))


def test_the_server_ends_a_statement_that_waits_for_a_lock(connection: Connection) -> None:
    """The connection stays; without that, each request would leave one that waits there."""
    wait_for_answers(connection, 60)
    process = process_of(connection)
    connection.rollback()
    # Its own limit is too long for a test.
    connection.execute(text("SET statement_timeout = 100"))
    connection.commit()
    with connection.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(7)"))
        with pytest.raises(OperationalError, match="statement timeout") as failure:
            connection.execute(text("SELECT pg_advisory_xact_lock(7)"))
        other.rollback()
    connection.rollback()

    assert is_unavailable(failure.value)
    assert not failure.value.connection_invalidated
    assert process == process_of(connection)


def test_the_limits_outlive_a_rollback(connection: Connection) -> None:
    """They belong to the connection."""
    connection.rollback()

    assert "5s" == connection.scalar(text("SHOW statement_timeout"))
    assert "1min" == connection.scalar(text("SHOW idle_in_transaction_session_timeout"))


def test_a_connection_to_a_standby_is_left(connection: Connection) -> None:
    """A server that may only read may have been the first one; new connections find the new one."""
    process = process_of(connection)
    connection.rollback()
    connection.execute(text("SET TRANSACTION READ ONLY"))
    with pytest.raises(InternalError) as failure:
        connection.execute(text("CREATE TABLE never (a INTEGER)"))
    connection.rollback()

    assert is_unavailable(failure.value)
    assert process != process_of(connection)
