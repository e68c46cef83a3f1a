"""Users and portfolios in the app's own database."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from omcrm.extensions import db
from omcrm.storage.user import Role, User


@pytest.fixture
def in_app(app: Flask) -> Iterator[Flask]:
    """The app, with its context."""
    with app.app_context():
        yield app


@pytest.fixture
def new_user(in_app: Flask) -> Callable[[], int]:
    """Creates users and returns their ids."""
    made: list[int] = []

    def make() -> int:
        user = User(
            email=f"holder{len(made)}@example.com",
            password_hash="",
            role=Role.CLIENT,
            created_at=datetime.now(UTC),
        )
        db.session.add(user)
        db.session.commit()
        made.append(user.id)
        return user.id

    return make
