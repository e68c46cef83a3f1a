"""Checks the installation's database."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from omcrm.maintenance.database_app import sqlite_path
from omcrm.maintenance.finding import Finding, clock_finding, ok, problem, skipped, warning
from omcrm.maintenance.revision import is_known, own_revision, revision_of, revision_problem
from omcrm.settings import Settings
from omcrm.storage import unfinished_copy
from omcrm.storage.database import engine_options, listen_to_postgresql
from omcrm.storage.health import first_line

_PART = "database"
_OLDEST_VERSION = 13
# One process takes so many at most; commands and backups need some, too.
_CONNECTIONS, _FEW_CONNECTIONS = 15, 40


def check_database(settings: Settings) -> Iterator[Finding]:
    """The findings, one after the other; nothing is changed, and no file is made."""
    if path := sqlite_path(settings):
        yield from _check_sqlite(path)
    elif make_url(settings.database).get_backend_name() == "postgresql":
        yield from _check_postgresql(settings.database)
    else:
        yield skipped(_PART, "it is in memory, or no database that OMCRM knows")


# SQLite


def _check_sqlite(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield problem(_PART, f"there is no {path}", "python manage.py setup makes it")
        return
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        yield problem(
            _PART,
            f"{path} or its folder cannot be written",
            "let both belong to the user that OMCRM runs as",
        )
        return
    try:
        revision, is_half_done = _read_sqlite(path)
    except sqlite3.DatabaseError as error:
        yield problem(_PART, f"{path}: {error}", "restore a backup: python manage.py restore FILE")
        return
    yield ok(_PART, f"SQLite in {path}, {path.stat().st_size / 1024**2:.1f} MiB")
    yield _revision_finding(revision, is_half_done)


def _read_sqlite(path: Path) -> tuple[str | None, bool]:
    """The revision, and whether a copy into it is half done."""
    # Opening a database in WAL mode makes files beside it, unless it is said that nobody writes.
    is_open = Path(f"{path}-wal").exists()
    address = f"{path.absolute().as_uri()}?mode=ro{'' if is_open else '&immutable=1'}"
    with closing(sqlite3.connect(address, uri=True)) as database:
        names = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        revision = None
        if "alembic_version" in names:
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
            revision = None if row is None else str(row[0])
        return revision, unfinished_copy.NAME in names


# PostgreSQL


def _check_postgresql(url: str) -> Iterator[Finding]:
    engine = create_engine(url, **engine_options(url))
    listen_to_postgresql(engine, of_copy=True)
    try:
        with engine.connect() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            yield from _postgresql_findings(connection)
    except SQLAlchemyError as error:
        yield problem(
            _PART,
            f"PostgreSQL cannot be used: {first_line(error)}",
            "look whether it runs, and whether DATABASE_URL has its address, user and password",
        )
    finally:
        engine.dispose()


def _postgresql_findings(connection: Connection) -> Iterator[Finding]:
    from omcrm.maintenance.postgresql_program import find_program, major_version

    number = int(connection.scalar(text("SHOW server_version_num")) or 0)
    version, name = number // 10_000, f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if version < _OLDEST_VERSION:
        yield problem(_PART, name, f"use PostgreSQL {_OLDEST_VERSION} or newer")
    else:
        yield ok(_PART, name)
    if connection.scalar(text("SELECT pg_is_in_recovery()")):
        yield problem(
            "database role",
            "this server is a standby, which only reads",
            "name all servers in DATABASE_URL, with target_session_attrs=read-write",
        )
    yield _connections_finding(connection)
    mark = unfinished_copy.unfinished_copy(connection)
    yield _revision_finding(revision_of(connection), mark is not None)
    yield _clock_finding(connection)
    program = find_program("pg_dump", version)
    dumps = None if program is None else major_version(program)
    if dumps is None or dumps < version:
        yield warning(
            "pg_dump",
            "is not installed" if dumps is None else f"version {dumps} is older than the server",
            f"backups need it: apt-get install postgresql-client-{version}",
        )
    else:
        yield ok("pg_dump", f"version {dumps}")


def _connections_finding(connection: Connection) -> Finding:
    part = "database connections"
    most = int(connection.scalar(text("SHOW max_connections")) or 0)
    used = int(connection.scalar(text("SELECT count(*) FROM pg_stat_activity")) or 0)
    text_ = f"at most {most}, {used} in use; each process of OMCRM takes up to {_CONNECTIONS}"
    advice = "raise max_connections in postgresql.conf, and restart PostgreSQL"
    if most < _CONNECTIONS + 5:
        return problem(part, text_, advice)
    return warning(part, text_, advice) if most < _FEW_CONNECTIONS else ok(part, text_)


def _clock_finding(connection: Connection) -> Finding:
    before = datetime.now(UTC)
    theirs = connection.scalar(text("SELECT clock_timestamp()"))
    after = datetime.now(UTC)
    assert isinstance(theirs, datetime), "it is a time"
    # What may have been the way there and back counts for the clock.
    ahead = max(0.0, (before - theirs).total_seconds()) - max(0.0, (theirs - after).total_seconds())
    return clock_finding("clock (database)", "the database's", ahead)


def _revision_finding(revision: str | None, is_half_done: bool) -> Finding:
    part = "revision"
    if is_half_done:
        return problem(
            part,
            "another database is being copied into it",
            "give the command copy-database again, or restore a backup with --replace",
        )
    wrong = revision_problem(revision)
    if wrong is None:
        return ok(part, own_revision())
    is_newer = revision is not None and not is_known(revision)
    advice = "install that version" if is_newer else "back up, then: python manage.py setup"
    return problem(part, wrong.partition(":")[0], advice)
