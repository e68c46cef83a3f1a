"""PostgreSQL killed, frozen, locked and promoted under writes: what was confirmed is there once,
and the pool recovers."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from omcrm import create_app
from omcrm.auth.service import create_user
from omcrm.extensions import db
from omcrm.settings import load
from omcrm.storage import user_event
from omcrm.storage.health import DatabaseHealth
from omcrm.storage.transaction import transaction
from omcrm.storage.unavailable import is_unavailable
from omcrm.storage.user import Role
from omcrm.storage.user_event import UserEventRow
from tests.processes import wait_for
from tests.storage.postgresql_server import PostgresqlServer, program
from tests.test_migrations import FOLDER

WRITERS = 4
# More than any of these tests writes, and less than an account keeps.
MOST = 900


@pytest.fixture
def servers() -> Iterator[Callable[[], PostgresqlServer]]:
    """Makes servers that the test may kill."""
    program("initdb")
    with ExitStack() as at_the_end:

        def make() -> PostgresqlServer:
            server = PostgresqlServer()
            at_the_end.callback(server.stop)
            return server

        yield make


@pytest.fixture
def server(servers: Callable[[], PostgresqlServer]) -> PostgresqlServer:
    """A running server."""
    server = servers()
    server.initialize()
    server.start()
    return server


class Writers:
    """Threads that write events to one user, each event once, whatever becomes of it."""

    def __init__(self, app: Flask, user_id: int) -> None:
        self._app = app
        self._user_id = user_id
        self._numbers = itertools.count()
        self._ends = threading.Event()
        self._pause = threading.Event()
        self.confirmed: list[str] = []
        self.failures: list[SQLAlchemyError] = []
        self.errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(WRITERS)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                self._write(f"E{next(self._numbers)}")
            except BaseException as error:
                self.errors.append(error)
                return
            # Leaves events for what comes later.
            self._pause.wait(0.05)

    def _write(self, code: str) -> None:
        if len(self.confirmed) >= MOST:
            return
        with self._app.app_context():
            try:
                with transaction():
                    user_event.add(self._user_id, code, datetime.now(UTC))
            except SQLAlchemyError as error:
                if not is_unavailable(error):
                    raise
                self.failures.append(error)
            else:
                self.confirmed.append(code)

    def wait_for_more(self, count: int = 20) -> None:
        """Wait until so many more events were written."""
        before = len(self.confirmed)
        wait_for(lambda: self._goes_on() and len(self.confirmed) >= before + count, what="writes")

    def wait_for_failures(self, count: int) -> None:
        """Wait until so many more writes have failed."""
        before = len(self.failures)
        wait_for(lambda: self._goes_on() and len(self.failures) >= before + count, what="failures")

    def _goes_on(self) -> bool:
        assert [] == self.errors
        return True


def app_of(url: str, folder: Path) -> tuple[Flask, int]:
    """The app on this database, and a user."""
    app = create_app(load({"OMCRM_INSTANCE": str(folder), "DATABASE_URL": url}))
    with app.app_context():
        flask_migrate.upgrade(directory=FOLDER)
        user = create_user("trader@example.com", "long enough", Role.CLIENT, datetime.now(UTC)).id
        db.session.remove()
    return app, user


def check(app: Flask, user: int, writers: Writers) -> None:
    """None that was confirmed is lost, none is there twice, and no number is missing."""
    with app.app_context():
        rows = db.session.execute(
            select(UserEventRow.number, UserEventRow.code)
            .where(UserEventRow.user_id == user)
            .order_by(UserEventRow.number)
        ).all()
        assert None is DatabaseHealth(kept=0).problem()
        idle = db.engine.pool.checkedout()
        db.session.remove()
        db.engine.dispose()
    counts = Counter(row.code for row in rows)

    assert set() == set(writers.confirmed) - counts.keys()
    assert {1} == set(counts.values())
    assert list(range(1, len(rows) + 1)) == [row.number for row in rows]
    assert 1 == idle
    assert [] == writers.errors


def test_a_killed_server_is_back(server: PostgresqlServer, tmp_path: Path) -> None:
    """Two crashes under writes."""
    app, user = app_of(server.url, tmp_path)
    with Writers(app, user) as writers:
        for _ in range(2):
            writers.wait_for_more()
            server.kill()
            writers.wait_for_failures(WRITERS)
            server.start()
            writers.wait_for_more()

    check(app, user, writers)


def test_a_frozen_server_holds_nobody(server: PostgresqlServer, tmp_path: Path) -> None:
    """Each write ends while the server stands still, most of them at once."""
    app, user = app_of(server.url, tmp_path)
    with Writers(app, user) as writers:
        writers.wait_for_more()
        server.freeze()
        writers.wait_for_failures(5 * WRITERS)
        at_once = sum("a moment ago" in str(failure) for failure in writers.failures)
        server.thaw()
        writers.wait_for_more()

    check(app, user, writers)
    assert at_once > 2 * WRITERS


def test_a_locked_table_leaves_nobody_behind(server: PostgresqlServer, tmp_path: Path) -> None:
    """The server ends each statement that waits for the lock, so that its connections do not
    add up; afterwards everything is written."""
    app, user = app_of(server.url, tmp_path)
    watcher = create_engine(server.url, isolation_level="AUTOCOMMIT")
    busy = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name = ''"
    )
    with Writers(app, user) as writers, watcher.connect() as watching:
        writers.wait_for_more()
        locker = create_engine(server.url)
        with locker.begin() as connection:
            connection.execute(text("LOCK TABLE user_event_counters IN ACCESS EXCLUSIVE MODE"))
            most = 0
            for _ in range(3):
                writers.wait_for_failures(WRITERS)
                most = max(most, int(watching.scalar(busy) or 0))
        locker.dispose()
        writers.wait_for_more()
    watcher.dispose()

    check(app, user, writers)
    assert most <= WRITERS
    assert all("statement timeout" in str(failure) for failure in writers.failures)


def test_a_promoted_standby_takes_over(
    server: PostgresqlServer, servers: Callable[[], PostgresqlServer], tmp_path: Path
) -> None:
    """The address names both; what was confirmed was on the standby, for it is synchronous."""
    standby = servers()
    standby.copy_of(server)
    standby.start()
    server.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    wait_for(
        lambda: server.scalar("SELECT sync_state FROM pg_stat_replication") == "sync",
        what="the standby",
    )
    places = f"host=127.0.0.1:{server.port}&host=127.0.0.1:{standby.port}"
    url = f"postgresql://omcrm@/postgres?{places}&target_session_attrs=read-write"
    app, user = app_of(url, tmp_path)
    with Writers(app, user) as writers:
        writers.wait_for_more()
        server.kill()
        writers.wait_for_failures(WRITERS)
        standby.promote()
        writers.wait_for_more()

    check(app, user, writers)
