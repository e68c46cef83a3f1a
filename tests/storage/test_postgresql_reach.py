import socket
import threading
from collections.abc import Iterator

import psycopg
import pytest

from omcrm.storage.postgresql_connection import PostgresqlConnection
from omcrm.storage.postgresql_reach import PostgresqlReach
from tests.processes import PATIENCE, wait_for


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Attempts:
    """Connects to a server that hangs until the test lets each attempt end."""

    def __init__(self, reach: PostgresqlReach) -> None:
        self._reach = reach
        self.outcomes: list[str] = []
        self.waiting = 0
        self.hang = threading.Event()

    def make(self) -> threading.Thread:
        thread = threading.Thread(target=self._attempt)
        thread.start()
        return thread

    def _attempt(self) -> None:
        try:
            with self._reach._attempt():
                self.waiting += 1
                assert self.hang.wait(PATIENCE)
                raise psycopg.OperationalError("timeout")
        except psycopg.OperationalError as error:
            self.outcomes.append(str(error))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_silent_server_is_tried_once_in_a_while(silent_port: int) -> None:
    """After an attempt in vain the next ones fail at once, until the pause is over."""
    clock = Clock()
    reach = PostgresqlReach(clock)
    options = {"host": "127.0.0.1", "port": silent_port, "connect_timeout": 2}

    def failure() -> str:
        with pytest.raises(psycopg.OperationalError) as error:
            reach.connect([], options)
        return str(error.value)

    clock.step = 2.0
    assert "timeout" in failure()
    clock.step = 0.0
    assert "a moment ago" in failure()
    clock.now += 0.9
    assert "a moment ago" in failure()
    clock.now += 0.2
    assert "timeout" in failure()


def test_while_a_server_hangs_one_tries(postgresql: str) -> None:
    """The others do not wait for its attempt; once it has an answer, everybody connects."""
    clock = Clock()
    reach = PostgresqlReach(clock)
    attempts = Attempts(reach)
    reach.note_no_answer()
    first = attempts.make()
    wait_for(lambda: attempts.waiting == 1)
    for thread in [attempts.make() for _ in range(5)]:
        thread.join()
    assert ["the database did not answer a moment ago"] * 5 == attempts.outcomes

    attempts.hang.set()
    first.join()
    # That took no time by the clock, so the next one is made at once.
    host, _, port = postgresql.rpartition("@")[2].partition("/")[0].partition(":")
    options = {"host": host, "port": port, "user": "omcrm", "dbname": "postgres"}
    connections = [reach.connect([], options) for _ in range(2)]
    assert {PostgresqlConnection} == {type(connection) for connection in connections}
    for connection in connections:
        connection.close()


def test_a_refusing_server_is_tried_by_everybody() -> None:
    """It costs no time, and it may be back at any moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reach = PostgresqlReach()
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError, match="refused"):
            reach.connect([], {"host": "127.0.0.1", "port": port})
