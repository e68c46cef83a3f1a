"""SQLite's connections: they wait for a writer without blocking other threads, and refuse to write
to a file that was deleted."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

# How long a statement waits for another process's writer, in seconds.
_WRITER_TIMEOUT = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.025
# Below that many free bytes no write begins; those in progress need the rest.
_LEAST_FREE = 1024 * 1024
_READS = ("SELECT", "PRAGMA")

_writer_timeout: ContextVar[float] = ContextVar("sqlite_patience", default=_WRITER_TIMEOUT)


@contextmanager
def writer_timeout(seconds: float) -> Iterator[None]:
    """Inside of it statements wait at most so many seconds for another process's writer."""
    before = _writer_timeout.set(seconds)
    try:
        yield
    finally:
        _writer_timeout.reset(before)


class SqliteFile:
    """The file of an engine, as it was when the first connection was opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None

    def connect(self, options: dict[str, Any]) -> "SqliteConnection":
        """A new connection; raises OperationalError where the file is not the first one's."""
        if self._identity is not None:
            # SQLite would create a new, empty file.
            self.require_same()
        connection = SqliteConnection(self._path, **options)
        connection.file = self
        if self._identity is None:
            self._identity = self._current_identity()
        return connection

    def require_same(self) -> None:
        """Raise OperationalError where the file was deleted or replaced by another one."""
        # Whatever is written to a deleted file is lost with the process.
        if self._current_identity() != self._identity:
            raise sqlite3.OperationalError("the database file was deleted or replaced")

    def require_writable(self) -> None:
        """Raise OperationalError also where the disk is full."""
        self.require_same()
        disk = os.statvfs(self._path)
        # Root may use the reserved blocks.
        free = disk.f_bavail if os.geteuid() else disk.f_bfree
        # Some filesystems report no blocks.
        if disk.f_blocks and free * disk.f_frsize < _LEAST_FREE:
            raise sqlite3.OperationalError("the disk is full")

    def _current_identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_dev, status.st_ino


class SqliteConnection(sqlite3.Connection):
    """A connection whose statements wait up to `writer_timeout` while other threads run.

    SQLite itself would wait inside of C, where no other green thread can run.
    """

    file: SqliteFile

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "timeout": 0.0})

    def cursor(self, *_: Any, **__: Any) -> "_Cursor":  # type: ignore[override]
        """A cursor that waits."""
        return super().cursor(_Cursor)

    def commit(self) -> None:
        """Commit the transaction."""
        if self.in_transaction:
            self.file.require_same()
        _retried(self, super().commit)


class _Cursor(sqlite3.Cursor):
    connection: SqliteConnection

    def execute(self, statement: str, values: Any = ()) -> "_Cursor":
        self._prepare(statement)
        return _retried(self.connection, super().execute, statement, values)

    def executemany(self, statement: str, values: Any) -> "_Cursor":
        self._prepare(statement)
        return _retried(self.connection, super().executemany, statement, values)

    def _prepare(self, statement: str) -> None:
        if not statement.lstrip()[:6].upper().startswith(_READS):
            self.connection.file.require_writable()


def _retried(connection: SqliteConnection, call: Callable[..., T], *arguments: Any) -> T:
    """The result of the call, which is repeated while another process writes."""
    # A transaction that has read can never write after another process has written.
    is_final = sqlite3.SQLITE_BUSY_SNAPSHOT if connection.in_transaction else None
    pause, waited = _FIRST_PAUSE, 0.0
    while True:
        try:
            return call(*arguments)
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0)
            if code & 0xFF != sqlite3.SQLITE_BUSY or code == is_final:
                raise
            if waited >= _writer_timeout.get():
                raise
        time.sleep(pause)
        # Not the clock: it also runs while the machine stands still, and the writer with it.
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE)
