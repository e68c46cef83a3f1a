import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import OperationalError

from omcrm.storage.database import connect_to_postgresql
from omcrm.storage.unavailable import is_unavailable


@pytest.fixture
def connection(postgresql: str) -> Iterator[Connection]:
    """A connection as the app opens it, that waits for half a second only."""
    engine = create_engine(postgresql, pool_pre_ping=True)
    event.listen(engine, "do_connect", connect_to_postgresql)
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
    wait_for_answers(connection, None)
    connection.execute(text("SELECT pg_sleep(1)"))
    wait_for_answers(connection, 0.5)
    with pytest.raises(OperationalError, match="did not answer"):
        connection.execute(text("SELECT pg_sleep(60)"))
