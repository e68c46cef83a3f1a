"""Backs up and restores a PostgreSQL database by pg_dump and pg_restore, in their custom format."""

import re
import secrets
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.postgresql_program import run_program

_FORMAT = ("--no-owner", "--no-privileges")
# A table's rows, as pg_restore prints them: a line, or the end.
_REVISION = re.compile(r"^COPY [^\n]*alembic_version[^\n]*\n([^\n\\]+)$", re.MULTILINE)


def back_up(database: OpenDatabase, file: Path) -> None:
    """Dump the database as it is at one moment; others go on reading and writing."""
    with database.engine.connect() as connection:
        version = server_version(connection)
    run_program(
        "pg_dump",
        "--format=custom",
        *_FORMAT,
        "--file",
        str(file),
        url=database.engine.url,
        version=version,
    )
    check(file)


def check(file: Path) -> None:
    """Raise MaintenanceRefused where the dump cannot be read to its end."""
    run_program("pg_restore", "--file=/dev/null", str(file))


def revision(file: Path) -> str | None:
    """The revision of the tables in the dump; None where there is none."""
    rows = run_program(
        "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file)
    )
    match = _REVISION.search(rows)
    return match[1].strip() if match else None


def restore(file: Path, database: OpenDatabase) -> None:
    """Replace all tables of the database by those of the dump.

    What was there is put aside until the dump is there, and put back where that fails.
    """
    aside = f"before_restore_{secrets.token_hex(4)}"
    with database.engine.begin() as connection:
        version = server_version(connection)
        schema = str(connection.scalar(text("SELECT current_schema()")))
        had_tables = bool(inspect(connection).get_table_names())
        if had_tables:
            _rename(connection, schema, aside)
            connection.execute(text(f"CREATE SCHEMA {_quoted(connection, schema)}"))
    try:
        run_program(
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            *_FORMAT,
            str(file),
            url=database.engine.url,
            version=version,
        )
    except BaseException:
        if had_tables:
            with database.engine.begin() as connection:
                _drop(connection, schema)
                _rename(connection, aside, schema)
        raise
    if had_tables:
        with database.engine.begin() as connection:
            _drop(connection, aside)


def server_version(connection: Connection) -> int:
    """The major version of the server."""
    return int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000


def require_no_leftover(database: OpenDatabase) -> None:
    """Raise MaintenanceRefused where an earlier restore was killed, and what was there is still put
    aside."""
    with database.engine.connect() as connection:
        schemas = inspect(connection).get_schema_names()
    leftovers = [name for name in schemas if name.startswith("before_restore_")]
    if leftovers:
        raise MaintenanceRefused(
            f"an earlier restore was ended: what the database had before is in the schema "
            f"{leftovers[0]}. Drop that schema, or rename it to public in the place of the present "
            "one, and try again"
        )


def _rename(connection: Connection, before: str, after: str) -> None:
    names = (_quoted(connection, before), _quoted(connection, after))
    connection.execute(text("ALTER SCHEMA {} RENAME TO {}".format(*names)))


def _drop(connection: Connection, schema: str) -> None:
    connection.execute(text(f"DROP SCHEMA {_quoted(connection, schema)} CASCADE"))


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
