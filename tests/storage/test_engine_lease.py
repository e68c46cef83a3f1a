"""The lease on SQLite and on PostgreSQL; what only several connections show is on PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from omcrm.errors import LeaseLost
from omcrm.extensions import db
from omcrm.storage import engine_lease
from omcrm.storage.database import engine_options, init_database
from omcrm.storage.engine_lease import EngineLeaseRow
from omcrm.storage.transaction import transaction
from tests.processes import wait_for


def app_on(url: str, folder: Path) -> Flask:
    app = Flask("lease-test", instance_path=str(folder))
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url)
    db.init_app(app)
    init_database(app)
    return app


@pytest.fixture
def on_postgresql(postgresql: str, tmp_path: Path) -> Iterator[Flask]:
    """The table alone, on the real server."""
    app = app_on(postgresql, tmp_path)
    table = EngineLeaseRow.__table__
    with app.app_context():
        table.drop(db.engine, checkfirst=True)
        table.create(db.engine)
    yield app
    with app.app_context():
        db.session.remove()
        table.drop(db.engine)
        db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An app context on each database."""
    if request.param == "postgresql":
        app = request.getfixturevalue("on_postgresql")
        with app.app_context():
            yield app
        return
    app = app_on(f"sqlite:///{tmp_path / 'lease.db'}", tmp_path)
    with app.app_context():
        EngineLeaseRow.__table__.create(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


def take(seconds: float = 60, above: int = 0) -> int | None:
    with transaction():
        return engine_lease.take("host:1", seconds, above)


def renew(token: int, seconds: float = 60) -> bool:
    with transaction():
        return engine_lease.renew(token, seconds)


def test_it_is_taken_once(app: Flask) -> None:
    """Each next time under a higher token."""
    taken = [take(), take()]
    with transaction():
        given_back = engine_lease.give_back(1)

    assert ([1, None], True) == (taken, given_back)
    assert (2, None, False, True) == (take(), take(), renew(1), renew(2))


def test_its_token_is_above_what_was_seen(app: Flask) -> None:
    """A database that was restored does not know the last ones."""
    assert 8 == take(above=7)


def test_its_end_is_a_time_in_utc(app: Flask) -> None:
    """As long after the database's present as was asked for."""
    take(60)
    until = db.session.scalar(select(EngineLeaseRow.until))

    assert timedelta(0) < until - datetime.now(UTC) <= timedelta(seconds=61)


def test_it_ends_by_itself(app: Flask) -> None:
    """Where nobody renews it; who had it cannot renew it once another process took it."""
    take(0.05)
    wait_for(lambda: take() == 2, what="the end of the lease")

    assert not renew(1)


def test_one_that_ended_can_be_renewed_until_it_is_taken(app: Flask) -> None:
    """A leader whose database was away leads again if nobody else could."""
    take(-1)

    assert renew(1)
    assert take() is None


def test_only_its_holder_writes(app: Flask) -> None:
    """In the transaction of another token nothing is written."""
    with transaction(), pytest.raises(LeaseLost):
        engine_lease.require(1)
    take(-1)
    take()
    with pytest.raises(LeaseLost) as lost, transaction():
        engine_lease.require(1)
    with transaction():
        engine_lease.require(2)

    assert (1, 2) == (lost.value.token, lost.value.held)


def test_a_long_holder_is_cut(app: Flask) -> None:
    """A machine's name may have any length."""
    with transaction():
        engine_lease.take("host" * 100, 60, 0)

    assert 120 == len(db.session.scalar(select(EngineLeaseRow.holder)))


# Several connections


def test_while_its_holder_writes_nobody_takes_it(on_postgresql: Flask) -> None:
    """But the holder can renew it meanwhile."""
    app, taken = on_postgresql, []

    def take_elsewhere() -> None:
        with app.app_context():
            taken.append(take())

    with app.app_context():
        take(-1)
        other = threading.Thread(target=take_elsewhere)
        with transaction():
            engine_lease.require(1)
            other.start()
            wait_for(lambda: waiting(app) == 1, what="the other one to wait")
            assert [] == taken
        other.join()

    assert [2] == taken


def test_a_holder_renews_while_it_writes(on_postgresql: Flask) -> None:
    """From another connection, without waiting."""
    app, renewed = on_postgresql, []

    def renew_elsewhere() -> None:
        with app.app_context():
            renewed.append(renew(1))

    with app.app_context():
        take()
        with transaction():
            engine_lease.require(1)
            other = threading.Thread(target=renew_elsewhere)
            other.start()
            other.join()

    assert [True] == renewed


def test_a_holder_that_is_paused_while_it_writes_is_ended(on_postgresql: Flask) -> None:
    """Its transaction is rolled back by the server, so that another process can take over."""
    app = on_postgresql
    with app.app_context():
        take(-1)
        with pytest.raises(SQLAlchemyError):
            write_with_a_pause(app)

        assert "host:1" == db.session.scalar(select(EngineLeaseRow.holder))


def write_with_a_pause(app: Flask) -> None:
    with transaction():
        engine_lease.require(1)
        db.session.execute(text("UPDATE engine_lease SET holder = 'too late'"))
        wait_for(lambda: took_over(app), what="the next holder")
        db.session.execute(text("UPDATE engine_lease SET holder = 'too late'"))


def took_over(app: Flask) -> bool:
    """Whether the lease can be taken on a connection of its own."""
    taken: list[int | None] = []

    def take_elsewhere() -> None:
        with app.app_context():
            try:
                taken.append(take())
            except SQLAlchemyError:
                time.sleep(0.1)

    other = threading.Thread(target=take_elsewhere)
    other.start()
    other.join()
    return taken == [2]


def waiting(app: Flask) -> int:
    """How many connections wait for a lock."""
    with db.engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return int(connection.scalar(text(query)) or 0)
