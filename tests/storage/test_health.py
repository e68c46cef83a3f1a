import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from omcrm.extensions import db
from omcrm.storage import unfinished_copy
from omcrm.storage.health import DatabaseHealth, first_line
from omcrm.storage.ws_ticket import WsTicket


def problem(app: Flask) -> str | None:
    with app.app_context():
        return DatabaseHealth(kept=0).problem()


def path_of(app: Flask) -> Path:
    with app.app_context():
        return Path(str(db.engine.url.database))


def test_a_healthy_database(app: Flask) -> None:
    """There is no problem where a write succeeds, and the check leaves no row behind."""
    assert None is problem(app)
    with app.app_context():
        assert 0 == db.session.scalar(select(func.count()).select_from(WsTicket))


@pytest.mark.parametrize("table", ["instruments", "login_sessions", "feed_events"])
def test_a_missing_table(app: Flask, table: str) -> None:
    """Every table of the app is checked."""
    with app.app_context():
        db.session.execute(text(f"DROP TABLE {table}"))
        db.session.commit()

    assert f"no such tables: {table}" == problem(app)


def test_a_half_done_copy(app: Flask) -> None:
    """Its rows are not all of them."""
    with app.app_context(), db.engine.begin() as connection:
        unfinished_copy.begin_copy(connection, "sqlite:///other.db", "0001")

    assert "another database is being copied into it" == problem(app)


def test_a_deleted_file(app: Flask) -> None:
    """SQLite itself would still read it and write to it."""
    assert None is problem(app)
    path_of(app).unlink()

    assert "deleted or replaced" in str(problem(app))


def test_a_read_only_database(app: Flask) -> None:
    """The check really writes."""
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=1")

    assert "readonly" in str(problem(app))


def test_a_full_database(app: Flask) -> None:
    """The problem is SQLite's own message."""
    with app.app_context(), db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(OperationalError) as error:
            connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(99999)")
        connection.rollback()

    assert "OperationalError: database or disk is full" == first_line(error.value)


def test_a_locked_database(app: Flask) -> None:
    """A lock of another process is reported after a short wait."""
    with closing(sqlite3.connect(path_of(app))) as other:
        other.execute("BEGIN IMMEDIATE")

        assert "OperationalError: database is locked" == problem(app)

    assert None is problem(app)


def test_a_result_is_cached(app: Flask) -> None:
    """Many requests cause one check."""
    health = DatabaseHealth(kept=3600)
    with app.app_context():
        assert None is health.problem()
        db.drop_all()

        assert None is health.problem()
    assert "no such tables" in str(problem(app))
