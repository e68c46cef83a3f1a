import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from omcrm.extensions import db
from omcrm.storage.health import DatabaseHealth, first_line
from omcrm.storage.ws_ticket import WsTicket


def problem(app: Flask) -> str | None:
    with app.app_context():
        return DatabaseHealth(kept=0).problem()


def path_of(app: Flask) -> Path:
    with app.app_context():
        return Path(str(db.engine.url.database))


def test_all_is_well(app: Flask) -> None:
    """Nothing is wrong with a database that takes what is written, and nothing is left in it."""
    assert None is problem(app)
    with app.app_context():
        assert 0 == db.session.scalar(select(func.count()).select_from(WsTicket))


@pytest.mark.parametrize("table", ["instruments", "login_sessions", "feed_events"])
def test_a_missing_table(app: Flask, table: str) -> None:
    """Each that the app uses is looked for."""
    with app.app_context():
        db.session.execute(text(f"DROP TABLE {table}"))
        db.session.commit()

    assert f"no such tables: {table}" == problem(app)


def test_a_deleted_file(app: Flask) -> None:
    """Although SQLite goes on reading it and would write to it."""
    assert None is problem(app)
    path_of(app).unlink()

    assert "deleted or replaced" in str(problem(app))


def test_a_read_only_database(app: Flask) -> None:
    """A write is really tried."""
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=1")

    assert "readonly" in str(problem(app))


def test_no_room_for_another_page(app: Flask) -> None:
    """What SQLite says when it is full is said."""
    with app.app_context(), db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(OperationalError) as error:
            connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(99999)")
        connection.rollback()

    assert "OperationalError: database or disk is full" == first_line(error.value)


def test_another_writer_that_does_not_end(app: Flask) -> None:
    """Who would write has to wait, which is said before long."""
    with closing(sqlite3.connect(path_of(app))) as other:
        other.execute("BEGIN IMMEDIATE")

        assert "OperationalError: database is locked" == problem(app)

    assert None is problem(app)


def test_an_answer_holds_for_a_moment(app: Flask) -> None:
    """However many ask, the database is asked once."""
    health = DatabaseHealth(kept=3600)
    with app.app_context():
        assert None is health.problem()
        db.drop_all()

        assert None is health.problem()
    assert "no such tables" in str(problem(app))
