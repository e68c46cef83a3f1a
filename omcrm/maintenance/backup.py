"""Backs up an installation's database into one file, and restores it."""

import os
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from sqlalchemy import MetaData, Table, inspect, select

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance import sqlite_backup
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.revision import REVISION_TABLE, is_known, own_revision, revision_of

_BEGINNINGS = {b"SQLite format 3\0": "sqlite", b"PGDMP": "postgresql"}
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_SUFFIXES = {"sqlite": "db", "postgresql": "dump"}


class Backup(Struct, frozen=True):
    """A backup that was written or restored."""

    file: Path
    revision: str | None
    bytes: int


def back_up(database: OpenDatabase, place: Path) -> Backup:
    """Write a backup to this file, which may not exist yet, or to a new file in this folder; only
    its owner can read it.

    Raises MaintenanceRefused where that cannot be done; then there is no file.
    """
    kind = database.engine.dialect.name
    file = _new_file(place, kind)
    draft = file.with_name(f"{file.name}.part")
    # pg_dump and SQLite write to a file that is there, and keep its permissions.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    os.chmod(draft, 0o600)
    try:
        if kind == "sqlite":
            sqlite_backup.back_up(_path_of(database), draft)
        else:
            from omcrm.maintenance import postgresql_backup

            postgresql_backup.back_up(database, draft)
        revision = _revision_in(draft, kind)
        _flush(draft)
        # Unlike a rename, it replaces no file that has come into being.
        os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return Backup(file, revision, file.stat().st_size)


def restore(file: Path, database: OpenDatabase, *, replace: bool) -> Backup:
    """Put a backup into the database, and migrate it to this program's revision.

    Raises MaintenanceRefused, before anything is changed, where the file is damaged, of another
    kind of database or of a newer OMCRM, and where the database has rows, unless `replace`.
    """
    kind = database.engine.dialect.name
    revision = _checked(file, kind)
    if kind == "sqlite":
        _require_replaceable(database, replace)
        sqlite_backup.restore(file, _path_of(database))
    else:
        from omcrm.maintenance import postgresql_backup

        postgresql_backup.require_no_leftover(database)
        _require_replaceable(database, replace)
        postgresql_backup.restore(file, database)
    database.engine.dispose()
    database.upgrade()
    with database.engine.connect() as connection:
        if revision_of(connection) != own_revision():
            raise MaintenanceRefused(f"{database.name} was not migrated: run manage.py setup")
    return Backup(file, revision, file.stat().st_size)


def _new_file(place: Path, kind: str) -> Path:
    if place.is_dir():
        now = datetime.now(UTC)
        return place / f"omcrm-{now:%Y%m%dT%H%M%S}Z.{_SUFFIXES[kind]}"
    if place.exists():
        raise MaintenanceRefused(f"{place} exists already: give a new file, or a folder")
    if not place.parent.is_dir():
        raise MaintenanceRefused(f"there is no folder {place.parent}")
    return place


def _path_of(database: OpenDatabase) -> Path:
    path = database.engine.url.database
    if not path or path == ":memory:" or database.engine.url.query:
        raise MaintenanceRefused("only a SQLite database in a file can be backed up")
    return Path(path)


def _checked(file: Path, kind: str) -> str:
    """The revision of a backup that can be restored into this kind of database."""
    try:
        with file.open("rb") as content:
            beginning = content.read(16)
    except OSError as error:
        raise MaintenanceRefused(f"{file} cannot be read: {error.strerror}") from None
    kinds = [known for begin, known in _BEGINNINGS.items() if beginning.startswith(begin)]
    if not kinds:
        raise MaintenanceRefused(f"{file} is no backup of OMCRM")
    if kinds != [kind]:
        raise MaintenanceRefused(
            f"{file} is a backup of {_NAMES[kinds[0]]}, and the installation's database is "
            f"{_NAMES[kind]}: restore it into one of its own kind, then use copy-database"
        )
    if kind == "sqlite":
        sqlite_backup.check(file)
    else:
        from omcrm.maintenance import postgresql_backup

        postgresql_backup.check(file)
    revision = _revision_in(file, kind)
    if revision is None:
        raise MaintenanceRefused(f"{file} has no tables of OMCRM")
    if not is_known(revision):
        raise MaintenanceRefused(
            f"{file} is of revision {revision}, which this program does not know: restore it with "
            "the version of OMCRM that made it, or a newer one"
        )
    return revision


def _revision_in(file: Path, kind: str) -> str | None:
    if kind == "sqlite":
        return sqlite_backup.revision(file)
    from omcrm.maintenance import postgresql_backup

    return postgresql_backup.revision(file)


def _require_replaceable(database: OpenDatabase, replace: bool) -> None:
    if replace or (database.is_sqlite and not _path_of(database).exists()):
        return
    with database.engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {REVISION_TABLE}
        tables = [Table(name, MetaData(), autoload_with=connection) for name in names]
        filled = [
            table.name for table in tables if connection.execute(select(table).limit(1)).first()
        ]
    if filled:
        raise MaintenanceRefused(
            f"{database.name} has rows, in {', '.join(sorted(filled)[:5])}: nothing was changed. "
            "With --replace they are deleted; back them up before"
        )


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
