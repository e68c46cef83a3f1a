"""How the database is opened."""

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import URL, Engine, event, make_url

from omcrm.extensions import db
from omcrm.storage.sqlite_file import SqliteFile

# So many seconds a request waits for a connection, and PostgreSQL's server may take to answer one.
_POOL_TIMEOUT, _CONNECT_TIMEOUT = 5, 5
# Whoever waits for SQLite's writer holds a connection meanwhile; readers shall have some left.
_SQLITE_CONNECTIONS = 60


def engine_options(database: str) -> dict[str, Any]:
    """The options of the engine for the database of this URL."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        in_a_file = {"pool_timeout": _POOL_TIMEOUT, "max_overflow": _SQLITE_CONNECTIONS}
        return in_a_file if _is_file(url) else {}
    connect = {"connect_timeout": _CONNECT_TIMEOUT}
    return {"pool_timeout": _POOL_TIMEOUT, "pool_pre_ping": True, "connect_args": connect}


def init_database(app: Flask) -> None:
    """Let SQLite wait for its writer and keep readers going beside it."""
    # Tables that are written by commands only belong to the database, too.
    from omcrm.storage import asset_price, daily_bar  # noqa: F401

    with app.app_context():
        engine: Engine = db.engine
    if engine.dialect.name == "sqlite":
        Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_file(engine.url):
            file = SqliteFile(str(engine.url.database))
            event.listen(engine, "do_connect", lambda _, __, ___, options: file.connect(options))
        event.listen(engine, "connect", _prepare_sqlite)


def _is_file(url: URL) -> bool:
    return url.database not in (None, "", ":memory:") and not url.query


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
