import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance import sqlite_backup


def make(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


def test_a_backup_is_one_file(tmp_path: Path) -> None:
    """What stands in the log beside the database is in it, and it has no log of its own."""
    path = make(tmp_path / "own", "CREATE TABLE a (b)")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("INSERT INTO a VALUES (7)")
        writer.commit()
        sqlite_backup.back_up(path, tmp_path / "copy")
        (tmp_path / "moved").mkdir()
        moved = (tmp_path / "copy").rename(tmp_path / "moved" / "copy")
    with closing(sqlite3.connect(moved)) as copy:
        assert [(7,)] == copy.execute("SELECT b FROM a").fetchall()
    assert [moved] == list((tmp_path / "moved").iterdir())


def test_a_row_that_refers_to_nothing_is_damage(tmp_path: Path) -> None:
    """SQLite's own check does not look for it."""
    path = make(
        tmp_path / "own",
        "CREATE TABLE a (id INTEGER PRIMARY KEY)",
        "CREATE TABLE b (a REFERENCES a(id))",
        "INSERT INTO b VALUES (1)",
    )

    with pytest.raises(MaintenanceRefused, match="b has a row that refers to nothing"):
        sqlite_backup.check(path)


def test_damaged_pages_are_found(tmp_path: Path) -> None:
    """A file of the right length with wrong bytes in it."""
    path = make(
        tmp_path / "own",
        "CREATE TABLE a (b)",
        "CREATE INDEX c ON a (b)",
        "INSERT INTO a SELECT hex(randomblob(200)) FROM pragma_function_list",
    )
    sqlite_backup.back_up(path, tmp_path / "copy")
    bytes_ = bytearray((tmp_path / "copy").read_bytes())
    bytes_[8192:12288] = bytes(4096)
    (tmp_path / "copy").write_bytes(bytes_)

    with pytest.raises(MaintenanceRefused, match="is damaged"):
        sqlite_backup.check(tmp_path / "copy")


def test_the_revision_is_read(tmp_path: Path) -> None:
    """None where there is none; the file is not changed."""
    other = make(tmp_path / "other", "CREATE TABLE a (b)")
    own = make(
        tmp_path / "own",
        "CREATE TABLE alembic_version (version_num)",
        "INSERT INTO alembic_version VALUES ('0007')",
    )

    assert None is sqlite_backup.revision(other)
    assert "0007" == sqlite_backup.revision(own)
