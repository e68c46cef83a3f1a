"""Opens the database."""

import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import URL, Engine, ExceptionContext, event, make_url

from omcrm.extensions import db
from omcrm.storage import unfinished_copy
from omcrm.storage.sqlite_file import SqliteFile

# In seconds: how long a request waits for a connection, and for PostgreSQL to accept one.
_POOL_TIMEOUT, _CONNECT_TIMEOUT = 5, 5
# Noticing a dead machine also where nothing bounds the answer, as in a migration: what was sent is
# confirmed within milliseconds, and an idle connection is asked within seconds.
_KEEPALIVE = {
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}
# PostgreSQL ends these by itself, in milliseconds: a statement that waits for a lock before its
# client gives up, which would leave it waiting there; a transaction whose client stands still, so
# that its locks hold up nobody.
_STATEMENT_TIMEOUT, _IDLE_TRANSACTION_TIMEOUT = 5_000, 60_000
_READ_ONLY_TRANSACTION = "25006"
_UNFINISHED = "another database is being copied into it: give the command copy-database again"
# A request that waits for SQLite's writer holds a connection; readers need some more.
_SQLITE_CONNECTIONS = 60


def engine_options(database: str) -> dict[str, Any]:
    """SQLAlchemy's engine options for the database of this URL."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        in_a_file = {"pool_timeout": _POOL_TIMEOUT, "max_overflow": _SQLITE_CONNECTIONS}
        return in_a_file if _is_file(url) else {}
    connect = {"connect_timeout": _CONNECT_TIMEOUT, **_KEEPALIVE}
    # The URL's own values win.
    connect = {name: value for name, value in connect.items() if name not in url.query}
    return {"pool_timeout": _POOL_TIMEOUT, "pool_pre_ping": True, "connect_args": connect}


def init_database(app: Flask, *, of_copy: bool = False) -> None:
    """Prepare the connections: they wait for a writer or an answer, and not for ever.

    With `of_copy` they may be to a database that another one is being copied into; all others fail
    there with OperationalError.
    """
    # Tables that only commands write belong to the database, too.
    from omcrm.storage import asset_price, daily_bar, engine_lease  # noqa: F401

    with app.app_context():
        engine: Engine = db.engine
    if engine.dialect.name == "sqlite":
        Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_file(engine.url):
            file = SqliteFile(str(engine.url.database))
            event.listen(engine, "do_connect", lambda _, __, ___, options: file.connect(options))
        event.listen(engine, "connect", _prepare_sqlite)
        if not of_copy:
            event.listen(engine, "connect", _require_complete_sqlite)
    else:
        listen_to_postgresql(engine, of_copy=of_copy)


def listen_to_postgresql(engine: Engine, *, of_copy: bool = False) -> None:
    """Let the engine's connections be ours; `of_copy` as in `init_database`."""
    # Installations with SQLite are spared the library.
    from omcrm.storage.postgresql_reach import PostgresqlReach

    reach = PostgresqlReach()
    event.listen(engine, "do_connect", lambda _, __, texts, options: reach.connect(texts, options))
    event.listen(engine, "connect", _prepare_postgresql)
    if not of_copy:
        event.listen(engine, "connect", _require_complete_postgresql)
    event.listen(engine, "handle_error", _leave_standby)


def lift_limits(connection: Any) -> None:
    """Let statements of this connection of the driver take as long as they take."""
    connection.answer_timeout = None
    _set_timeouts(connection, 0, 0)


def _prepare_postgresql(connection: Any, _: Any) -> None:
    _set_timeouts(connection, _STATEMENT_TIMEOUT, _IDLE_TRANSACTION_TIMEOUT)


def _set_timeouts(connection: Any, statement: int, idle: int) -> None:
    connection.execute(
        "SELECT set_config('statement_timeout', %s, false),"
        " set_config('idle_in_transaction_session_timeout', %s, false)",
        (str(statement), str(idle)),
    )
    # A rollback would undo it.
    connection.commit()


def _require_complete_postgresql(connection: Any, _: Any) -> None:
    query = "SELECT to_regclass(%s) IS NOT NULL"
    is_unfinished = connection.execute(query, (unfinished_copy.NAME,)).fetchone()[0]
    connection.rollback()
    if is_unfinished:
        # The driver's own error, as of a server that cannot be reached.
        from psycopg import OperationalError

        connection.close()
        raise OperationalError(_UNFINISHED)


def _require_complete_sqlite(connection: Any, _: Any) -> None:
    query = "SELECT 1 FROM sqlite_master WHERE name = ?"
    if connection.execute(query, (unfinished_copy.NAME,)).fetchone():
        connection.close()
        raise sqlite3.OperationalError(_UNFINISHED)


def _leave_standby(context: ExceptionContext) -> None:
    """Close connections to a server that may only read, for it may have become a standby: the new
    ones go to the server that may write."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY_TRANSACTION:
        context.is_disconnect = True


def _is_file(url: URL) -> bool:
    return url.database not in (None, "", ":memory:") and not url.query


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
