"""A database of its own for each test of storage."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from omcrm.extensions import db
from omcrm.storage import api_token, audit, login_failure, login_session, ws_ticket
from omcrm.storage.user import Role, User
from tests.storage.postgresql_server import postgresql

__all__ = ["postgresql"]

TABLES_OF = (api_token, audit, login_failure, login_session, ws_ticket)


@pytest.fixture
def now() -> datetime:
    """A fixed time."""
    return datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[None]:
    """Empty tables in a file of SQLite, with an app context to use them in."""
    app = Flask("storage-test")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'test.db'}"
    db.init_app(app)
    with app.app_context():
        db.create_all()
        yield
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def user(database: None, now: datetime) -> User:
    """An account in the database."""
    account = User(
        email="Trader@Example.com",
        password_hash="not a hash",
        role=Role.CLIENT,
        active=True,
        created_at=now,
    )
    db.session.add(account)
    db.session.commit()
    return account
