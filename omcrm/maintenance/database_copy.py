"""Copies all tables of one database into another one, which was empty.

A run that is ended is taken up by the next one: each batch of rows is one transaction, in the order
of the primary key, so the rows that are there are the first ones of the source.
"""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from omcrm.errors import MaintenanceRefused
from omcrm.extensions import db
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.revision import (
    REVISION_TABLE,
    own_revision,
    require_own_revision,
    revision_of,
)
from omcrm.maintenance.table_rows import Checksum, Row, TableRows
from omcrm.storage import unfinished_copy
from omcrm.storage.health import first_line

# Seconds between two lines about one table.
_PROGRESS = 2.0

Report = Callable[[str], None]


class TableCopy(Struct, frozen=True):
    """A table that was copied and compared."""

    name: str
    rows: int
    checksum: str


def copy_database(source: OpenDatabase, target: OpenDatabase, report: Report) -> list[TableCopy]:
    """Copy every table of the models, and compare both sides; `report` is given lines of progress.

    Raises MaintenanceRefused where the source is not at this program's revision, the target is
    neither empty nor the half-done copy of this source, or both differ at the end.
    """
    if source.name == target.name:
        raise MaintenanceRefused("the source and the target are the same database")
    with source.engine.connect() as reading:
        _begin_snapshot(reading)
        require_own_revision(source.name, revision_of(reading))
        _name_unknown_tables(reading, report)
        run = _prepare(source, target, report)
        copy = _Copy(reading, target, run, report)
        sums = {table.name: copy.fill(table) for table in _tables()}
        with target.engine.begin() as connection:
            _set_sequences(connection)
        copies = [copy.compared(table, sums[table.name]) for table in _tables()]
    with target.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    with target.engine.begin() as connection:
        _require_run(connection, run)
        unfinished_copy.end_copy(connection)
    return copies


def _tables() -> Sequence[Table]:
    """The tables of the models; none before those that it refers to."""
    return db.metadata.sorted_tables


def _begin_snapshot(connection: Connection) -> None:
    """Let all that is read be from one moment."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    else:
        # sqlite3 begins no transaction for reading.
        connection.execute(text("BEGIN"))


def _name_unknown_tables(connection: Connection, report: Report) -> None:
    known = db.metadata.tables.keys() | {REVISION_TABLE}
    for name in sorted(set(inspect(connection).get_table_names()) - known):
        report(f"not copied, for it is no table of OMCRM: {name}")


# The target, before rows are copied


def _prepare(source: OpenDatabase, target: OpenDatabase, report: Report) -> str:
    """Have the target's tables made and emptied; gives the token of this run."""
    revision = own_revision()
    with target.engine.begin() as connection:
        mark = unfinished_copy.unfinished_copy(connection)
        if mark is None:
            _require_no_tables(target, connection)
            unfinished_copy.begin_copy(connection, source.name, revision)
        elif (mark.source, mark.revision) != (source.name, revision):
            raise MaintenanceRefused(
                f"{target.name} has the half-done copy of {mark.source} at revision "
                f"{mark.revision}: make it an empty database first"
            )
        else:
            report("going on with the copy that was begun")
        run = unfinished_copy.take_over(connection)
    if mark is None or not mark.is_prepared:
        report(f"making the tables of revision {revision}")
        target.upgrade()
        with target.engine.begin() as connection:
            _require_run(connection, run)
            # Migrations write the first instruments, and the source has its own.
            for table in reversed(_tables()):
                connection.execute(delete(table))
            unfinished_copy.note_prepared(connection)
    return run


def _require_no_tables(target: OpenDatabase, connection: Connection) -> None:
    names = inspect(connection).get_table_names()
    if names:
        raise MaintenanceRefused(
            f"{target.name} is not empty: it has {len(names)} tables. "
            "Nothing was changed; give a new, empty database"
        )


def _require_run(connection: Connection, run: str) -> None:
    if not unfinished_copy.holds(connection, run):
        raise MaintenanceRefused("another copy into the same database has been started since")


# Rows


class _Copy:
    def __init__(self, source: Connection, target: OpenDatabase, run: str, report: Report) -> None:
        self._source = source
        self._target = target
        self._run = run
        self._report = report

    def fill(self, model: Table) -> Checksum:
        """Copy the rows that the target lacks; the checksum of all rows of the source."""
        rows = TableRows(model, self._source.dialect.name)
        there = TableRows(model, self._target.engine.dialect.name)
        with self._target.engine.connect() as connection:
            done = there.count(connection)
        progress = _Progress(model.name, rows.count(self._source), self._report)
        source = Checksum()
        for batch in rows.batches(self._source):
            missing = batch[max(0, done - source.rows) :]
            source.add(batch)
            if missing:
                self._write(there, missing)
            progress.note(source.rows)
        return source

    def _write(self, table: TableRows, rows: Sequence[Row]) -> None:
        values = [dict(zip(table.columns, row, strict=True)) for row in rows]
        try:
            with self._target.engine.begin() as connection:
                _require_run(connection, self._run)
                connection.execute(table.insert, values)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            # The driver's further lines have the row's values, which may be secret.
            raise MaintenanceRefused(
                f"{table.name} cannot be copied: {first_line(error)}"
            ) from None

    def compared(self, model: Table, source: Checksum) -> TableCopy:
        """The table, if both sides are equal; raises MaintenanceRefused where they differ."""
        rows, target = TableRows(model, self._target.engine.dialect.name), Checksum()
        progress = _Progress(f"{model.name} compared", source.rows, self._report)
        with self._target.engine.connect() as connection:
            for batch in rows.batches(connection):
                target.add(batch)
                progress.note(target.rows)
        if (source.rows, source.text) != (target.rows, target.text):
            raise MaintenanceRefused(
                f"{model.name} differs: {source.rows} rows, checksum {source.text} in the source, "
                f"{target.rows} rows, {target.text} in the copy. The source was changed between "
                "two runs: make the target an empty database, and copy again with OMCRM stopped"
            )
        return TableCopy(model.name, source.rows, source.text)


class _Progress:
    def __init__(self, name: str, total: int, report: Report) -> None:
        self._name = name
        self._total = total
        self._report = report
        self._reported_at = time.monotonic()

    def note(self, rows: int) -> None:
        """Report how far it is, if that was not said for some time."""
        now = time.monotonic()
        if now - self._reported_at >= _PROGRESS:
            self._reported_at = now
            self._report(f"{self._name}: {rows} of {self._total}")


def _set_sequences(connection: Connection) -> None:
    """Let PostgreSQL number new rows after the copied ones; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    for table in _tables():
        for column in table.primary_key.columns:
            sequence = connection.scalar(
                select(func.pg_get_serial_sequence(quote(table.name), column.name))
            )
            if sequence is not None:
                last = connection.scalar(select(func.max(column)))
                connection.execute(select(func.setval(sequence, last or 1, last is not None)))
