import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from omcrm.extensions import db
from omcrm.storage.database import init_database
from omcrm.storage.login_session import open_session
from omcrm.storage.unavailable import is_unavailable
from omcrm.storage.unfinished_copy import begin_copy
from tests.storage.postgresql_server import new_database


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 1),
        ("busy_timeout", 0),
        ("foreign_keys", 1),
    ],
)
def test_every_connection_is_prepared(app: Flask, pragma: str, value: object) -> None:
    """SQLite reads beside its writer, checks foreign keys, and never waits inside of C."""
    with app.app_context():
        assert value == db.session.execute(text(f"PRAGMA {pragma}")).scalar()
        with db.engine.connect() as another:
            assert value == another.execute(text(f"PRAGMA {pragma}")).scalar()


def test_readers_work_beside_the_writer(app: Flask) -> None:
    """During a write others read the state before it."""
    with app.app_context(), db.engine.connect() as writer, db.engine.connect() as reader:
        writer.execute(text("DELETE FROM instruments"))

        assert 24 == reader.execute(text("SELECT count(*) FROM instruments")).scalar()


def test_foreign_keys_are_checked(app: Flask) -> None:
    """No session belongs to an account that does not exist."""
    with app.app_context():
        now, lifetime = datetime.now(UTC), timedelta(hours=1)
        open_session("hash", 999, now, lifetime, user_agent=None, remote_addr=None)

        with pytest.raises(IntegrityError):
            db.session.commit()


def test_its_folder_is_private(tmp_path: Path) -> None:
    """Others cannot read a new installation's folder; an existing one is not changed."""
    folder = tmp_path / "new" / "instance"
    app = Flask("database-test", instance_path=str(folder))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder / 'omcrm.db'}"
    db.init_app(app)
    init_database(app)
    init_database(app)

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_half_done_copy_is_not_used(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """It has a part of the rows only; the command that copies may use it."""
    url = f"sqlite:///{tmp_path}/copy.db"
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgresql"))
    for of_copy in (True, False):
        app = Flask("database-test", instance_path=str(tmp_path))
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        db.init_app(app)
        init_database(app, of_copy=of_copy)
        with app.app_context():
            if of_copy:
                with db.engine.begin() as connection:
                    begin_copy(connection, "sqlite:///other.db", "0001")
            else:
                with pytest.raises(OperationalError, match="copy-database") as failure:
                    db.session.execute(text("SELECT 1"))
                assert is_unavailable(failure.value)
            db.session.remove()
            db.engine.dispose()
