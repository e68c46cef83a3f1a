"""An app that has a database and nothing else, for commands."""

import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import flask_migrate
from flask import Flask
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

import omcrm.storage
from omcrm.env_file import ROOT
from omcrm.errors import MaintenanceRefused
from omcrm.extensions import db, migrate
from omcrm.settings import Settings
from omcrm.storage.database import engine_options, init_database, lift_limits

MIGRATIONS = ROOT / "migrations"


class OpenDatabase:
    """A database that a command works on; statements take as long as they take."""

    def __init__(self, app: Flask, engine: Engine) -> None:
        self._app = app
        self.engine = engine

    @property
    def name(self) -> str:
        """Which database it is, without a password."""
        return database_name(self.engine.url)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def upgrade(self, revision: str = "head") -> None:
        """Migrate it to this revision, or to this program's."""
        with self._app.app_context():
            flask_migrate.upgrade(directory=str(MIGRATIONS), revision=revision)


@contextmanager
def open_database(url: str, folder: Path) -> Iterator[OpenDatabase]:
    """The database of this URL; `folder` is the instance's.

    Nothing connects yet: SQLite's file is created by the first connection.
    """
    _load_models()
    app = Flask("omcrm-maintenance", instance_path=str(folder))
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=engine_options(url))
    db.init_app(app)
    init_database(app, of_copy=True)
    migrate.init_app(app, db, directory=str(MIGRATIONS))
    with app.app_context():
        engine: Engine = db.engine
    if engine.dialect.name != "sqlite":
        event.listen(engine, "connect", _lift_limits)
    try:
        yield OpenDatabase(app, engine)
    finally:
        engine.dispose()


def _lift_limits(connection: Any, _: Any) -> None:
    lift_limits(connection)


def chosen_url(text: str | None, settings: Settings) -> str:
    """The URL that was given, with an absolute path, or else the installation's.

    Raises MaintenanceRefused for one that is no URL of SQLite or PostgreSQL.
    """
    if text is None:
        return settings.database
    try:
        url = make_url(text)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        # Not repeated: it may have a password.
        raise MaintenanceRefused(
            "that is no database URL: write sqlite:////path/to/omcrm.db or "
            "postgresql://user@host/name; several hosts as ?host=a:5432&host=b:5432"
        ) from None
    if kind not in ("sqlite", "postgresql"):
        raise MaintenanceRefused(
            f"OMCRM has SQLite (sqlite://) and PostgreSQL (postgresql://), not {kind}"
        )
    if kind == "sqlite" and url.database:
        url = url.set(database=os.path.abspath(url.database))
    return url.render_as_string(hide_password=False)


def sqlite_path(settings: Settings) -> Path | None:
    """The file of the installation's SQLite database, absolute; None for another database."""
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return settings.instance_path / str(url.database)


def database_name(url: URL) -> str:
    """Which database this is, without a password."""
    # A password may be among the options, too.
    places = {name: value for name, value in url.query.items() if name in ("host", "port")}
    return URL.create(
        url.drivername, url.username, None, url.host, url.port, url.database, places
    ).render_as_string()


def _load_models() -> None:
    """Import every file of storage, so that the metadata has every table."""
    for module in pkgutil.iter_modules(omcrm.storage.__path__):
        import_module(f"omcrm.storage.{module.name}")
