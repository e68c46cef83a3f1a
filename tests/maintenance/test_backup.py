"""Backing up and restoring real databases."""

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance.backup import back_up, restore
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.revision import own_revision
from tests.maintenance.filled import add_events, audit, content, tables

pytestmark = pytest.mark.outside

MakeFilled = Callable[[str], OpenDatabase]
Open = Callable[[str], OpenDatabase]
NewUrl = Callable[[str], str]


def test_a_backup_is_restored_into_an_empty_database(
    filled: MakeFilled, opened: Open, new_url: NewUrl, kind: str, tmp_path: Path
) -> None:
    """Every row is there again, and new ones are numbered after them."""
    database, target = filled(kind), opened(new_url(kind))
    audit(database, "before")
    written = back_up(database, tmp_path / "backup")
    restored = restore(written.file, target, replace=False)

    assert own_revision() == written.revision == restored.revision
    assert content(database) == content(target)
    assert tables(database) == tables(target)
    assert audit(database, "after") == audit(target, "after")


def test_a_backup_is_private_and_named_in_a_folder(
    filled: MakeFilled, kind: str, tmp_path: Path
) -> None:
    """Its name has the time; with any umask only the owner can read it, and no draft stays."""
    folder = tmp_path / "backups"
    folder.mkdir()
    before = os.umask(0)
    try:
        written = back_up(filled(kind), folder)
    finally:
        os.umask(before)

    assert [written.file] == list(folder.iterdir())
    assert written.file.name.startswith("omcrm-2")
    assert 0o600 == stat.S_IMODE(written.file.stat().st_mode)


def test_a_file_is_not_overwritten(filled: MakeFilled, kind: str, tmp_path: Path) -> None:
    """It may be the only backup."""
    file = tmp_path / "backup"
    file.write_text("precious")

    with pytest.raises(MaintenanceRefused, match="exists already"):
        back_up(filled(kind), file)
    with pytest.raises(MaintenanceRefused, match="no folder"):
        back_up(filled(kind), tmp_path / "nowhere" / "backup")
    assert "precious" == file.read_text()


def test_a_database_with_rows_is_replaced_on_demand_only(
    filled: MakeFilled, kind: str, tmp_path: Path
) -> None:
    """Without it nothing changes; with it nothing stays, tables that came later included."""
    database, target = filled(kind), filled(kind)
    file = back_up(database, tmp_path / "backup").file
    audit(target, "later")
    with target.engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_a_later_version (a INTEGER REFERENCES users(id))"))
        connection.execute(text("INSERT INTO of_a_later_version VALUES (1)"))
    before = content(target)

    with pytest.raises(MaintenanceRefused, match=r"has rows, in audit_entries, .*--replace"):
        restore(file, target, replace=False)
    assert before == content(target)

    restore(file, target, replace=True)
    assert content(database) == content(target)
    assert tables(database) == tables(target)


def test_a_backup_of_an_older_version_is_migrated(
    opened: Open, new_url: NewUrl, kind: str, tmp_path: Path
) -> None:
    """After the restore the database is at this program's revision."""
    database, target = opened(new_url(kind)), opened(new_url(kind))
    database.upgrade("0008")
    written = back_up(database, tmp_path / "backup")
    restored = restore(written.file, target, replace=False)

    assert "0008" == written.revision == restored.revision
    assert "user_events" in tables(target)


def test_a_backup_of_a_newer_version_is_refused(
    filled: MakeFilled, opened: Open, new_url: NewUrl, kind: str, tmp_path: Path
) -> None:
    """Its tables are unknown here."""
    database, target = filled(kind), opened(new_url(kind))
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    file = back_up(database, tmp_path / "backup").file

    with pytest.raises(MaintenanceRefused, match="revision 9999, which this program does not know"):
        restore(file, target, replace=False)
    assert set() == tables(target)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_damaged_backup_is_refused(
    filled: MakeFilled, kind: str, tmp_path: Path, cut: float
) -> None:
    """The database keeps its rows, although they may be replaced."""
    database, file = filled(kind), tmp_path / "backup"
    add_events(database, 1_000, 3_000)
    back_up(database, file)
    before = content(database)
    damaged = tmp_path / "damaged"
    damaged.write_bytes(file.read_bytes()[: int(file.stat().st_size * cut)])

    with pytest.raises(MaintenanceRefused):
        restore(damaged, database, replace=True)
    assert before == content(database)


def test_files_that_are_no_backup_are_refused(
    filled: MakeFilled, kind: str, tmp_path: Path
) -> None:
    """Missing, empty, of another program, or of the other kind of database."""
    database = filled(kind)
    for name, bytes_ in (("empty", b""), ("text", b"SQL"), ("sqlite", b"SQLite format 3\0")):
        (tmp_path / name).write_bytes(bytes_)
    (tmp_path / "dump").write_bytes(b"PGDMP")
    foreign = tmp_path / "foreign"
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE a (b)")
    for name in ("missing", "empty", "text", "sqlite", "dump", "foreign", "."):
        with pytest.raises(MaintenanceRefused):
            restore(tmp_path / name, database, replace=True)

    assert 5 == content(database)["users"][0]


def test_a_backup_beside_writers_is_consistent(
    filled: MakeFilled, opened: Open, new_url: NewUrl, kind: str, tmp_path: Path
) -> None:
    """What was written in one transaction is in it as a whole or not at all; nobody has to wait."""
    database, target, ends = filled(kind), opened(new_url(kind)), threading.Event()
    add_events(database, 100, 3_000)
    written: list[int] = []

    def write() -> None:
        first = 10_000
        while not ends.is_set():
            # All of it in one transaction.
            add_events(database, first, 10)
            written.append(first)
            first += 10

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 5:
            assert writer.is_alive()
        files = [back_up(database, tmp_path / f"{number}").file for number in range(3)]
        assert writer.is_alive()
    finally:
        ends.set()
        writer.join()
    counts = []
    for file in files:
        restore(file, target, replace=True)
        counts.append(content(target)["feed_events"][0] - 3_020)

    assert sorted(counts) == counts
    assert 50 <= counts[0]
    assert {0} == {count % 10 for count in counts}


def test_a_failed_restore_leaves_what_was_there(
    filled: MakeFilled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's rows are put back where pg_restore fails in the middle."""
    database = filled("postgresql")
    file = back_up(database, tmp_path / "backup").file
    before = content(database)
    with database.engine.begin() as connection:
        # The dump makes this table, too.
        connection.execute(text("CREATE TABLE extra (a INTEGER PRIMARY KEY)"))
    monkeypatch.setattr("omcrm.maintenance.postgresql_backup._FORMAT", ("--role=nobody-at-all",))

    with pytest.raises(MaintenanceRefused, match="nobody-at-all"):
        restore(file, database, replace=True)
    assert before == content(database)
    assert "extra" in tables(database)


def test_a_killed_restore_is_noticed(filled: MakeFilled, tmp_path: Path) -> None:
    """What was there is still put aside; the next restore says where."""
    database = filled("postgresql")
    file = back_up(database, tmp_path / "backup").file
    with database.engine.begin() as connection:
        connection.execute(text("ALTER SCHEMA public RENAME TO before_restore_1"))
        connection.execute(text("CREATE SCHEMA public"))

    with pytest.raises(MaintenanceRefused, match="before_restore_1"):
        restore(file, database, replace=True)


def test_a_running_reader_sees_the_restored_rows(
    filled: MakeFilled, opened: Open, tmp_path: Path
) -> None:
    """SQLite's file is not replaced: whoever has it open goes on with the restored rows."""
    database = filled("sqlite")
    file = back_up(database, tmp_path / "backup").file
    before = content(database)
    add_events(database, 1_000, 10)
    another = opened(str(database.engine.url))
    with another.engine.connect() as reader:
        reader.execute(text("SELECT 1 FROM users"))
        reader.rollback()
        restore(file, database, replace=True)

        assert 20 == reader.scalar(text("SELECT count(*) FROM feed_events"))
    assert before == content(another)


def test_a_database_that_is_written_is_not_restored(
    filled: MakeFilled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to do."""
    monkeypatch.setattr("omcrm.maintenance.sqlite_backup._LOCK_TIMEOUT", 0.1)
    database = filled("sqlite")
    file = back_up(database, tmp_path / "backup").file
    with closing(sqlite3.connect(str(database.engine.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MaintenanceRefused, match="stop OMCRM"):
            restore(file, database, replace=True)
