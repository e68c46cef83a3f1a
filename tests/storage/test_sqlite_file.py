import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from omcrm.extensions import db
from omcrm.storage import sqlite_file
from omcrm.storage.database import init_database
from omcrm.storage.sqlite_file import writer_timeout
from tests.processes import PATIENCE

WRITE = text("UPDATE instruments SET decimals = decimals + 1 WHERE symbol = 'BTC'")


def path_of(app: Flask) -> Path:
    with app.app_context():
        return Path(str(db.engine.url.database))


@contextmanager
def locked(app: Flask) -> Iterator[sqlite3.Connection]:
    """Meanwhile another connection writes."""
    with closing(sqlite3.connect(path_of(app), check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


def write(app: Flask) -> None:
    with app.app_context():
        db.session.execute(WRITE)
        db.session.commit()


def decimals(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(text("SELECT decimals FROM instruments WHERE symbol = 'BTC'"))


# Another writer


def test_waits_for_another_writer(app: Flask) -> None:
    """A write that had to wait runs as soon as the other transaction has ended."""
    before = decimals(app)
    with locked(app) as other:
        waiting = threading.Thread(target=write, args=(app,))
        waiting.start()
        assert before == decimals(app)
        other.rollback()
        waiting.join(PATIENCE)

    assert before + 1 == decimals(app)


def test_does_not_wait_for_ever(app: Flask) -> None:
    """The error is SQLite's own, and reads meanwhile are right."""
    before = decimals(app)
    with locked(app), app.app_context():
        with writer_timeout(0.05), pytest.raises(OperationalError, match="database is locked"):
            db.session.execute(WRITE)
        db.session.rollback()

    assert before == decimals(app)


def test_waits_on_after_the_machine_stood_still(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock jumped for the other writer too: a write still waits for it."""
    before, pauses = decimals(app), []
    with locked(app) as other:

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                other.rollback()

        clock = SimpleNamespace(sleep=sleep, monotonic=lambda: 1000.0 * len(pauses))
        monkeypatch.setattr(sqlite_file, "time", clock)
        write(app)

    assert before + 1 == decimals(app)


def test_a_transaction_with_an_outdated_read_cannot_write(app: Flask) -> None:
    """It fails at once: waiting would not help."""
    with app.app_context(), writer_timeout(3600), db.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT * FROM instruments").all()
        write(app)

        with pytest.raises(OperationalError, match="locked"):
            connection.execute(WRITE)


def test_many_writers_wait_for_each_other(app: Flask, restless: None) -> None:
    """No change is lost and none fails where several threads write at the same time."""
    before = decimals(app)
    writers = [threading.Thread(target=lambda: [write(app) for _ in range(10)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE)

    assert before + 40 == decimals(app)


# A deleted file


def test_nothing_is_written_to_a_deleted_file(app: Flask) -> None:
    """It would be lost with the process: writes are refused, and no empty file is created."""
    before, path = decimals(app), path_of(app)
    path.unlink()
    with pytest.raises(OperationalError, match="deleted or replaced"):
        write(app)
    with app.app_context():
        db.engine.dispose()
        with pytest.raises(OperationalError, match="deleted or replaced"):
            db.session.execute(text("SELECT 1"))

    assert before
    assert not path.exists()


def test_nothing_is_written_where_the_file_was_replaced(app: Flask, tmp_path: Path) -> None:
    """Neither to the old file nor to the new one."""
    path, copy = path_of(app), tmp_path / "copy.db"
    shutil.copyfile(path, copy)
    copy.replace(path)

    with pytest.raises(OperationalError, match="deleted or replaced"):
        write(app)


def test_a_file_that_was_moved_back_is_written_to(app: Flask, tmp_path: Path) -> None:
    """A file that was moved away and back is the same file."""
    before, path, away = decimals(app), path_of(app), tmp_path / "away.db"
    path.rename(away)
    with pytest.raises(OperationalError):
        write(app)
    away.rename(path)
    write(app)

    assert before + 1 == decimals(app)


def test_nothing_is_committed_to_a_file_deleted_meanwhile(app: Flask) -> None:
    """The file may be deleted between a statement and the end of its transaction."""
    with app.app_context():
        db.session.execute(WRITE)
        path_of(app).unlink()

        with pytest.raises(OperationalError, match="deleted or replaced"):
            db.session.commit()
        db.session.rollback()


def test_a_full_disk_is_noticed_before_a_write(small_disk: Path) -> None:
    """No write begins that could not be finished, and writes work again once there is space."""
    disk = Flask("disk-test", instance_path=str(small_disk))
    disk.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{small_disk / 'test.db'}"
    db.init_app(disk)
    init_database(disk)
    with disk.app_context():
        db.session.execute(text("CREATE TABLE notes (words TEXT)"))
        (small_disk / "filler").write_bytes(b"x" * _free(small_disk))
        with pytest.raises(OperationalError, match="full"):
            db.session.execute(text("INSERT INTO notes VALUES ('one')"))
        db.session.rollback()
        (small_disk / "filler").unlink()
        db.session.execute(text("INSERT INTO notes VALUES ('two')"))
        db.session.commit()

        assert ["two"] == list(db.session.scalars(text("SELECT words FROM notes")))
        db.session.rollback()
        db.engine.dispose()


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
