"""How the database is opened."""

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event

from omcrm.concurrency import active_mode
from omcrm.extensions import db

# SQLite waits for another process's writer in C: under green threads everybody waits with it.
_BUSY_MS = {"threading": 15_000, "eventlet": 1_000, "gevent": 1_000}


def init_database(app: Flask) -> None:
    """Let SQLite wait for its writer and keep readers going beside it."""
    # Tables that are written by commands only belong to the database, too.
    from omcrm.storage import asset_price, daily_candle  # noqa: F401

    with app.app_context():
        engine: Engine = db.engine
    if engine.dialect.name == "sqlite":
        Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)


def _prepare_sqlite(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS[active_mode()]}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
