"""The app and browsers to log in with."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse

from omcrm import create_app
from omcrm.auth import api_token
from omcrm.auth.access import public, requires
from omcrm.auth.api_token import CreatedToken
from omcrm.auth.credential import session_caller
from omcrm.auth.login import current_session_hash
from omcrm.auth.permission import Permission
from omcrm.extensions import db, limiter
from omcrm.settings import load
from omcrm.storage.user import Role, User, find_user
from tests.processes import hashed

EMAIL = "trader@example.com"
ADMIN_EMAIL = "boss@example.com"
PASSWORD = "correct horse"


@pytest.fixture
def now() -> datetime:
    """A fixed time."""
    return datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The app on a database of its own, without feeds, and with routes that need a login."""
    settings = load(
        {
            "OMCRM_INSTANCE": str(tmp_path),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}",
            "PUBLIC_URL": "",
            "BINANCE_WS_URL": "",
            "OMCRM_EXCHANGE_URL": "",
            "LOGIN_FAILURES_PER_MINUTE": "5",
            "SESSION_HOURS": "12",
        }
    )
    app = create_app(settings)
    add_protected_routes(app)
    with app.app_context():
        db.create_all()
        known, made_at = hashed(PASSWORD), datetime.now(UTC)
        for email, role in ((EMAIL, Role.CLIENT), (ADMIN_EMAIL, Role.ADMIN)):
            db.session.add(User(email=email, password_hash=known, role=role, created_at=made_at))
        db.session.commit()
    yield app
    with app.app_context():
        db.engine.dispose()
        limiter.reset()


def add_protected_routes(app: Flask) -> None:
    """Add a page and a JSON route that need a login, and the same for admins."""

    @app.get("/protected/page")
    @requires(page=True)
    def protected_page() -> str:
        return current_user.email

    @app.get("/open/page")
    @public(page=True)
    def open_page() -> str:
        return current_user.email

    @app.get("/webtrader/protected")
    @requires(session_only=True)
    def protected_answer() -> ResponseReturnValue:
        return jsonify(session=current_session_hash())

    @app.route("/protected/admin", methods=["GET", "POST"])
    @requires("instruments:edit", session_only=True, page=True)
    def admin_page() -> str:
        return "for admins"

    @app.post("/webtrader/protected_admin")
    @requires("feeds:control", session_only=True)
    def admin_answer() -> ResponseReturnValue:
        return jsonify(success=True)

    @app.get("/token")
    def token() -> str:
        return generate_csrf()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser."""
    return app.test_client()


@pytest.fixture
def csrf_token() -> Callable[[FlaskClient], str]:
    """Reads the CSRF token from the login page of this browser."""

    def read(client: FlaskClient) -> str:
        page = client.get("/auth/login").text
        return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]

    return read


Login = Callable[..., TestResponse]


@pytest.fixture
def log_in(csrf_token: Callable[[FlaskClient], str]) -> Login:
    """Fills in the login form and sends it."""

    def send(
        client: FlaskClient, password: str = PASSWORD, email: str = EMAIL, query: str = ""
    ) -> TestResponse:
        fields = {"email": email, "password": password, "csrf_token": csrf_token(client)}
        return client.post(f"/auth/login{query}", data=fields)

    return send


GiveToken = Callable[..., CreatedToken]


@pytest.fixture
def give_token(app: Flask) -> GiveToken:
    """Creates an API token of an account; by default it may read prices for a week."""

    def make(*scopes: str, email: str = EMAIL, days: float = 7, name: str = "mine") -> CreatedToken:
        now = datetime.now(UTC)
        with app.app_context():
            user = find_user(email)
            caller = session_caller(user.id, user.role, "none")
            granted = [Permission(scope) for scope in scopes or ("market:read",)]
            made = api_token.create(caller, name, granted, now + timedelta(days=days), now, None)
            db.session.refresh(made.row)
            db.session.expunge(made.row)
            return made

    return make
