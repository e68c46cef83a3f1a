"""Whether the database can be read and written now."""

import secrets
import threading
import time
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, inspect
from sqlalchemy.exc import SQLAlchemyError

from omcrm.extensions import db
from omcrm.storage.sqlite_file import patience
from omcrm.storage.ws_ticket import WsTicket

# Strangers may ask as often as they like: an answer holds for so many seconds.
_KEPT = 1.0
# Longer than any write of ours, shorter than those who look after the process wait for an answer.
_PATIENCE = 0.5


class DatabaseHealth:
    """What is wrong with the database of an app; thread-safe."""

    def __init__(self, kept: float = _KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._problem: str | None = None

    def problem(self) -> str | None:
        """Why the database cannot be used, in a line for the log; None where it can be.

        Needs an app context.
        """
        with self._lock:
            now = time.monotonic()
            if self._looked_at is None or now - self._looked_at >= self._kept:
                self._problem = _problem()
                self._looked_at = time.monotonic()
            return self._problem


def _problem() -> str | None:
    try:
        with patience(_PATIENCE), db.engine.begin() as connection:
            missing = db.metadata.tables.keys() - set(inspect(connection).get_table_names())
            if missing:
                return f"no such tables: {', '.join(sorted(missing))}"
            _write(connection)
    except SQLAlchemyError as error:
        return first_line(error)
    return None


def _write(connection: Connection) -> None:
    # Committed: what is rolled back, SQLite keeps in memory, where no disk is ever full.
    key = secrets.token_hex(32)
    row = {"ticket_hash": key, "handle": "", "expires_at": datetime.now(UTC)}
    connection.execute(insert(WsTicket).values(row))
    connection.execute(delete(WsTicket).where(WsTicket.ticket_hash == key))


def first_line(error: SQLAlchemyError) -> str:
    """What the database said, without the statement."""
    said = str(getattr(error, "orig", None) or error).strip()
    return f"{type(error).__name__}: {said.splitlines()[0] if said else ''}"
