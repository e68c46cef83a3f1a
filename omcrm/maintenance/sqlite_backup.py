"""Backs up and restores a SQLite database by the online backup of sqlite3."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from omcrm.errors import MaintenanceRefused

# How long another process may keep the file locked before this one gives up, in seconds.
_LOCK_TIMEOUT = 30.0


def back_up(database: Path, file: Path) -> None:
    """Copy the database as it is at one moment; others go on reading and writing."""
    with closing(_opened(database)) as source, closing(sqlite3.connect(file)) as copy:
        # In one step: after a write of another process the next step would begin anew.
        source.backup(copy, pages=-1, progress=_give_up_after(_LOCK_TIMEOUT))
        # A backup is one file, without a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
    check(file)


def restore(file: Path, database: Path) -> None:
    """Replace all that the database has by the backup, in one transaction."""
    try:
        with closing(_opened(file)) as source, closing(sqlite3.connect(database)) as target:
            source.backup(target, pages=-1, progress=_give_up_after(_LOCK_TIMEOUT))
            target.execute("PRAGMA journal_mode=WAL")
    except (TimeoutError, sqlite3.OperationalError) as error:
        raise MaintenanceRefused(
            f"{database} cannot be written ({error}): stop OMCRM, and try again"
        ) from None


def check(file: Path) -> None:
    """Raise MaintenanceRefused where the file is damaged."""
    try:
        with closing(_opened(file)) as database:
            problems = [row[0] for row in database.execute("PRAGMA integrity_check(3)")]
            orphans = database.execute("PRAGMA foreign_key_check").fetchmany(3)
    except sqlite3.DatabaseError as error:
        problems, orphans = [str(error)], []
    problems = [problem for problem in problems if problem != "ok"]
    problems += [f"{table} has a row that refers to nothing" for table, *_ in orphans]
    if problems:
        raise MaintenanceRefused(f"{file} is damaged: {'; '.join(problems)}")


def revision(file: Path) -> str | None:
    """The revision of the tables in the file; None where there is none."""
    with closing(_opened(file)) as database:
        try:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return None if row is None else str(row[0])


def _give_up_after(seconds: float) -> Callable[[int, int, int], None]:
    """Ends a backup that waits for a lock; sqlite3 itself would try for ever."""
    until = time.monotonic() + seconds

    def note(status: int, _: int, __: int) -> None:
        is_locked = status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if is_locked and time.monotonic() > until:
            raise TimeoutError("it is locked by another process")

    return note


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that only reads, and creates no file."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
