"""Tells errors of an unavailable database from errors of our own statements."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLite has one class of errors for the file and for the statement; these are of the file.
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    }
)
# The models name the tables and columns: where one is missing, the database is not up to date.
_NOT_MIGRATED = ("no such table", "no such column", "has no column named")
# PostgreSQL's: no such table, no such column, a transaction that may only read.
_STATES = frozenset({"42P01", "42703", "25006"})


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database is locked, unreachable, full, read-only, damaged or not migrated."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_ERROR:
        return any(words in str(error.orig) for words in _NOT_MIGRATED)
    if code is not None:
        return code & 0xFF in _SQLITE
    if getattr(error.orig, "sqlstate", None) in _STATES or error.connection_invalidated:
        return True
    return isinstance(error, (OperationalError, InterfaceError))
