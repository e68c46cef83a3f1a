"""Checks whether the database can be read and written."""

import secrets
import threading
import time
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, inspect
from sqlalchemy.exc import SQLAlchemyError

from omcrm.extensions import db
from omcrm.storage import unfinished_copy
from omcrm.storage.sqlite_file import writer_timeout
from omcrm.storage.ws_ticket import WsTicket

# The route is open to strangers: a result is cached for so many seconds.
_KEPT = 1.0
# Longer than any write of ours, shorter than the timeouts of health checks.
_WRITER_TIMEOUT = 0.5


class DatabaseHealth:
    """The check of an app's database, with its cached result; thread-safe."""

    def __init__(self, kept: float = _KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._checked_at: float | None = None
        self._problem: str | None = None

    def problem(self) -> str | None:
        """Why the database cannot be used, in a line for the log; None where it can be.

        Needs an app context.
        """
        with self._lock:
            now = time.monotonic()
            if self._checked_at is None or now - self._checked_at >= self._kept:
                self._problem = _problem()
                self._checked_at = time.monotonic()
            return self._problem


def _problem() -> str | None:
    try:
        with writer_timeout(_WRITER_TIMEOUT), db.engine.begin() as connection:
            names = set(inspect(connection).get_table_names())
            if unfinished_copy.NAME in names:
                return "another database is being copied into it"
            if missing := db.metadata.tables.keys() - names:
                return f"no such tables: {', '.join(sorted(missing))}"
            _write(connection)
    except SQLAlchemyError as error:
        return first_line(error)
    return None


def _write(connection: Connection) -> None:
    # Committed: SQLite keeps a rolled-back write in memory, where a full disk is not noticed.
    key = secrets.token_hex(32)
    row = {"ticket_hash": key, "handle": "", "expires_at": datetime.now(UTC)}
    connection.execute(insert(WsTicket).values(row))
    connection.execute(delete(WsTicket).where(WsTicket.ticket_hash == key))


def first_line(error: SQLAlchemyError) -> str:
    """The first line of the database's error message, without the statement."""
    message = str(getattr(error, "orig", None) or error).strip()
    return f"{type(error).__name__}: {message.splitlines()[0] if message else ''}"
