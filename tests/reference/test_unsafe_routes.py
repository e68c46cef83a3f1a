"""Every unsafe route, as the documents describe it for programs and for pages."""

import ast
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from omcrm.auth.login import hash_token
from omcrm.auth.passwords import hash_password
from omcrm.auth.permission import SCOPES
from omcrm.extensions import db
from omcrm.reference.openapi import document
from omcrm.storage.api_token import ApiToken
from omcrm.storage.audit import AuditEntry
from omcrm.storage.user import Role, User
from tests.processes import ROOT

ADDRESS = "203.0.113.9"
SAFE = {"GET", "HEAD", "OPTIONS"}
FROM_THERE = {"REMOTE_ADDR": ADDRESS}
_VARIABLE = re.compile(r"<[^>]+>|\{[^}]+\}")

Browse = Callable[[Role], FlaskClient]


@pytest.fixture
def token(app: Flask) -> Callable[..., str]:
    """Creates a new account's token with every scope that such an account may grant."""

    def make(role: Role = Role.ADMIN) -> str:
        secret, now = f"omcrm_{secrets.token_urlsafe()}", datetime.now(UTC)
        user = User(email=f"{secret}@example.com", password_hash="", role=role, created_at=now)
        with app.app_context():
            db.session.add(user)
            db.session.flush()
            row = ApiToken(
                user_id=user.id,
                name="test",
                prefix=secret[:12],
                token_hash=hash_token(secret),
                scopes=list(SCOPES),
                created_at=now,
                expires_at=now + timedelta(days=1),
            )
            db.session.add(row)
            db.session.commit()
        return secret

    return make


def described(app: Flask) -> list[tuple[str, str]]:
    """Each unsafe method and path that the documents allow with a token."""
    return [
        (method.upper(), path)
        for path, operations in document(app)["paths"].items()
        for method, operation in operations.items()
        if method.upper() not in SAFE and {"token": []} in operation["security"]
    ]


def served(app: Flask) -> list[tuple[str, str]]:
    """Each unsafe method and path that the app serves."""
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - SAFE)
    ]


def address(path: str) -> str:
    return _VARIABLE.sub("1", path)


def code(answer: Any) -> str | None:
    error = answer.json.get("error") if answer.is_json else None
    return error["code"] if isinstance(error, dict) else None


def test_no_token_needs_a_csrf_token(app: Flask, token: Callable[..., str]) -> None:
    """Where the documents allow a token, no CSRF token is needed beside it."""
    program, header = app.test_client(), {"x-api-key": token()}
    codes = {
        (method, path): code(program.open(address(path), method=method, headers=header))
        for method, path in described(app)
    }

    assert ("POST", "/webtrader/start_realtime_feeds") in codes
    refused = {"CSRF_FAILED", "AUTHENTICATION_REQUIRED", "INSUFFICIENT_SCOPE", "SESSION_REQUIRED"}
    assert {} == {route: code for route, code in codes.items() if code in refused}


def test_every_session_needs_a_csrf_token(app: Flask, browser: Browse) -> None:
    """Nothing unsafe is done for a session without it."""
    admin = browser(Role.ADMIN)
    answers = {
        (method, path): admin.open(address(path), method=method).status_code
        for method, path in served(app)
    }

    assert {400} == set(answers.values()), answers


def test_a_token_starts_and_stops_the_feeds(app: Flask, token: Callable[..., str]) -> None:
    """An administrator's with `feeds:control` does what the desk's buttons do."""
    program, header = app.test_client(), {"Authorization": f"Bearer {token()}"}
    statuses = [
        program.post(f"/webtrader/{verb}_realtime_feeds", headers=header).json["status"]
        for verb in ("start", "stop", "stop")
    ]

    assert ["started", "stopped", "already_stopped"] == statuses


def test_a_clients_token_at_an_administrators_route(app: Flask, token: Callable[..., str]) -> None:
    """It is refused with 403, and the attempt is in the audit log, as with a login."""
    program, header = app.test_client(), {"x-api-key": token(Role.CLIENT)}
    answer = program.post(
        "/webtrader/stop_realtime_feeds", headers=header, environ_overrides=FROM_THERE
    )

    assert (403, "INSUFFICIENT_SCOPE") == (answer.status_code, code(answer))
    assert [("refused_admin_access", ADDRESS)] == entries(app)


def entries(app: Flask) -> list[tuple[str, str]]:
    """The entries of the audit log, with their addresses."""
    with app.app_context():
        rows = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(row.action, row.remote_addr) for row in rows]


def recorded_actions() -> set[str]:
    """Every action that the code writes to the audit log."""
    texts = set()
    for path in (ROOT / "omcrm").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = ast.unparse(node.func)
            if name in ("record", "audit.record"):
                texts |= {
                    constant.value
                    for constant in ast.walk(node.args[0])
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
                }
    return texts


def test_every_audit_entry_has_an_address(
    app: Flask, browser: Browse, csrf: Callable[..., str]
) -> None:
    """Each action of a request is logged with the request's address."""
    admin, client = browser(Role.ADMIN), browser(Role.CLIENT)
    with app.app_context():
        now, hashed = datetime.now(UTC), hash_password("a long password")
        db.session.add(
            User(email="one@example.com", password_hash=hashed, role=Role.CLIENT, created_at=now)
        )
        db.session.commit()

    def post(by: FlaskClient, path: str, **fields: str) -> Any:
        page = "/auth/login" if path == "/auth/login" else "/webtrader/dashboard"
        data = {**fields, "csrf_token": csrf(by, page)}
        return by.post(path, data=data, environ_overrides=FROM_THERE)

    instrument = {"symbol": "XAU", "name": "Gold", "asset_class": "forex", "decimals": "2"}
    post(admin, "/webtrader/start_realtime_feeds")
    post(admin, "/webtrader/stop_realtime_feeds")
    post(admin, "/admin/instruments", **instrument)
    name = {"name-instrument": "XAU", "name-provider": "frankfurter", "name-provider_name": "-"}
    post(admin, "/admin/instruments/names", **name)
    post(client, "/webtrader/stop_realtime_feeds")
    post(client, "/account/tokens", name="mine", scopes="market:read", expires_in_days="7")
    post(client, "/account/tokens/1/revoke")
    post(client, "/auth/logout")
    stranger = app.test_client()
    post(stranger, "/auth/login", email="one@example.com", password="wrong")
    post(stranger, "/auth/login", email="one@example.com", password="a long password")

    rows = entries(app)
    assert recorded_actions() == {action for action, _ in rows}
    assert {ADDRESS} == {remote_addr for _, remote_addr in rows}
