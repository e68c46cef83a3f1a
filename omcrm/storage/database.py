"""Opens the database."""

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import URL, Engine, event, make_url

from omcrm.extensions import db
from omcrm.storage.sqlite_file import SqliteFile

# In seconds: how long a request waits for a connection, and for PostgreSQL to accept one.
_POOL_TIMEOUT, _CONNECT_TIMEOUT = 5, 5
# A request that waits for SQLite's writer holds a connection; readers need some more.
_SQLITE_CONNECTIONS = 60


def engine_options(database: str) -> dict[str, Any]:
    """SQLAlchemy's engine options for the database of this URL."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        in_a_file = {"pool_timeout": _POOL_TIMEOUT, "max_overflow": _SQLITE_CONNECTIONS}
        return in_a_file if _is_file(url) else {}
    connect = {"connect_timeout": _CONNECT_TIMEOUT}
    return {"pool_timeout": _POOL_TIMEOUT, "pool_pre_ping": True, "connect_args": connect}


def init_database(app: Flask) -> None:
    """Prepare the connections: they wait for a writer or an answer, and not for ever."""
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
    else:
        event.listen(engine, "do_connect", connect_to_postgresql)


def connect_to_postgresql(_: Any, __: Any, texts: list[Any], options: dict[str, Any]) -> Any:
    # Installations with SQLite are spared the library.
    from omcrm.storage.postgresql_connection import PostgresqlConnection

    return PostgresqlConnection.connect(*texts, **options)


def _is_file(url: URL) -> bool:
    return url.database not in (None, "", ":memory:") and not url.query


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
