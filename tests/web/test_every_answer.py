"""All routes: their headers, without a database, and with unreadable text; none answers 500."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm.auth.login import hash_token
from omcrm.auth.permission import SCOPES
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.extensions import db, limiter
from omcrm.gateways.registry import DIALECTS
from omcrm.reference.operation import Operation, operations
from omcrm.storage.api_token import ApiToken
from omcrm.storage.user import Role, User
from tests.web.every_route import METHODS, UNSAFE, every_route
from tests.web.wrong_body import BAD_TEXTS, wrong_bodies

SECURE = {
    "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
    "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy",
    "Cache-Control",
}  # fmt: skip
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
ORIGIN = {"Origin": "http://evil.example"}
SOCKET_IO = [
    "/socket.io/",
    "/socket.io/?EIO=4",
    "/socket.io/?EIO=4&transport=polling",
    "/socket.io/?EIO=4&transport=polling&sid=unknown",
    "/socket.io/?EIO=3&transport=polling",
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=4&transport=websocket&sid=unknown",
    "/socket.io/?transport=%00%ff",
]
SECRET = "omcrm_test"


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rate limit of users."""
    monkeypatch.setattr(UserRateLimit, "spend", lambda self, key: 0)
    monkeypatch.setattr(UserRateLimit, "wait", lambda self, key: 0)


@pytest.fixture
def program(app: Flask) -> dict[str, str]:
    """The header of a token that may do everything, of an admin."""
    now = datetime.now(UTC)
    with app.app_context():
        user = User(email="p@example.com", password_hash="", role=Role.ADMIN, created_at=now)
        db.session.add(user)
        db.session.flush()
        token = {"name": "test", "prefix": "omcrm_", "token_hash": hash_token(SECRET)}
        scopes, end = [scope.value for scope in SCOPES], now + timedelta(days=1)
        db.session.add(
            ApiToken(user_id=user.id, scopes=scopes, created_at=now, expires_at=end, **token)
        )
        db.session.commit()
    return {"Authorization": f"Bearer {SECRET}"}


def missing(answer: TestResponse) -> set[str]:
    """The headers that an answer lacks."""
    with answer:
        return SECURE - set(answer.headers.keys())


# Headers


def test_every_route_has_the_headers(app: Flask, browser: Callable) -> None:
    """In every answer, to strangers and to users."""
    for client in (app.test_client(), browser(Role.CLIENT)):
        for endpoint in every_route(app):
            lacks = missing(client.open(endpoint.address, method=endpoint.method))

            assert set() == lacks, endpoint


@pytest.mark.parametrize("address", [*SOCKET_IO, "/nowhere", "/static/nowhere", "/%00"])
@pytest.mark.parametrize("headers", [{}, UPGRADE, ORIGIN, UPGRADE | ORIGIN])
def test_other_answers_have_the_headers(
    client: FlaskClient, address: str, headers: dict[str, str]
) -> None:
    """Those of Socket.IO, of unknown paths, and to pages of other sites."""
    for method in ALL_METHODS:
        assert set() == missing(client.open(address, method=method, headers=headers)), method


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.channel.name)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        UPGRADE,
        ORIGIN | UPGRADE,
        UPGRADE | {"Sec-WebSocket-Key": "short"},
        UPGRADE | {"Sec-WebSocket-Version": "8"},
        UPGRADE | {"x-api-key": "made up"},
    ],
)
def test_refused_handshakes_have_the_headers(
    client: FlaskClient, dialect: Any, headers: dict[str, str]
) -> None:
    """A test's request cannot become a WebSocket: each is refused."""
    path = dialect.channel.path.replace("{symbol}", "BTC")
    for method in ALL_METHODS:
        assert set() == missing(client.open(path, method=method, headers=headers)), method


# The database cannot be used


def test_no_route_fails_without_a_database(
    app: Flask, browser: Callable, program: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Routes that need it answer 503 with a code and Retry-After; nothing logs a traceback."""
    stranger, admin = app.test_client(), browser(Role.ADMIN)
    callers = ((stranger, program), (stranger, {"x-api-key": "made up"}), (admin, {}))
    with app.app_context():
        db.drop_all()
    for client, headers in callers:
        for endpoint in every_route(app, *METHODS):
            with client.open(endpoint.address, method=endpoint.method, headers=headers) as answer:
                assert 503 == answer.status_code or answer.status_code < 500, endpoint
                if answer.status_code == 503 and endpoint.address != "/readyz":
                    assert "5" == answer.headers["Retry-After"], endpoint
    assert "Traceback" not in caplog.text
    assert [] == [record for record in caplog.records if record.exc_info]


def test_an_unknown_token_without_a_database(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A stranger gets a short answer and writes a short line."""
    with app.app_context():
        db.drop_all()
    answer = app.test_client().get(
        "/webtrader/realtime_status", headers={"Authorization": "Bearer made up"}
    )

    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "DATABASE_UNAVAILABLE" == answer.json["error"]["code"]
    assert len(caplog.text) < 300


def test_a_handshake_without_a_database(app: Flask) -> None:
    """It is refused before there is a WebSocket."""
    with app.app_context():
        db.drop_all()
    for path in ("/ws/market/feed", "/ws/realtime/", "/quotes"):
        answer = app.test_client().get(path, headers=UPGRADE | {"x-api-key": "made up"})

        assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
        assert "DATABASE_UNAVAILABLE" == answer.json["error"]["code"]


# Unreadable text, and other wrong bodies

ADDRESS = {"portfolio_id": 1, "symbol": "BTC", "token_id": 1}


def takers(app: Flask) -> list[Operation]:
    """The routes that take a body."""
    return [operation for operation in operations(app) if operation.route.body is not None]


def test_a_wrong_body_is_refused(
    app: Flask, browser: Callable, csrf: Callable, program: dict[str, str]
) -> None:
    """With the wrong field, where there is one, and never with a 500."""
    client, page = app.test_client(), browser(Role.ADMIN)
    session = {"X-CSRFToken": csrf(page, "/portfolio/")}
    for own in (client, page):
        headers = program if own is client else session
        own.post("/api/v1/portfolios", json={"name": "Own"}, headers=headers)
    tries = [(taker, wrong) for taker in takers(app) for wrong in wrong_bodies(taker.route.body)]
    for operation, (way, field, body) in tries:
        own_only = operation.access.session_only
        caller, headers = (page, session) if own_only else (client, program)
        answer = caller.open(
            operation.address.format(**ADDRESS),
            method=operation.method,
            data=body,
            headers=headers | {"Content-Type": "application/json"},
        )

        assert answer.status_code < 500, (operation.path, way, field, answer.text)
        if way in BAD_TEXTS and way != "raw NUL":
            assert 400 == answer.status_code, (operation.path, way)
            assert field == answer.json["error"].get("field"), (operation.path, way)


@pytest.mark.parametrize("noise", ["%00", "a%ff", "%ed%a0%80", "9" * 5000, "²"])
def test_noise_in_an_address_is_no_server_error(
    app: Flask, browser: Callable, program: dict[str, str], noise: str
) -> None:
    """In the variable parts, behind the path, and in the query."""
    names = ("limit", "next", "holding", "symbol", "timeframe", "token", "ticket", noise)
    query = "&".join(f"{name}={noise}" for name in names)
    for client, headers in ((browser(Role.ADMIN), {}), (app.test_client(), program)):
        for endpoint in every_route(app, *METHODS):
            addresses = [endpoint.with_text({name: noise}) for name in endpoint.variables]
            for address in (
                *addresses,
                f"{endpoint.address}{noise}",
                f"{endpoint.address}?{query}",
            ):
                with client.open(address, method=endpoint.method, headers=headers) as answer:
                    assert answer.status_code < 500 or answer.json["error"]["code"] == "NO_PRICE"


@pytest.mark.parametrize("noise", [b"a%00b", b"\xff", b"x" * 9999])
def test_noise_in_a_form_is_refused(
    app: Flask, browser: Callable, csrf: Callable, noise: bytes
) -> None:
    """In each field of each form; a field with unreadable characters is named."""
    client = browser(Role.ADMIN)
    headers = {"X-CSRFToken": csrf(client, "/portfolio/")}
    client.post("/api/v1/portfolios", json={"name": "Own"}, headers=headers)
    fields = (
        *("name", "symbol", "quantity", "average_cost", "email", "password", "next", "scopes"),
        *("asset_class", "decimals", "last_resort_price", "binance_symbol", "expires_on"),
    )
    for endpoint in every_route(app, *UNSAFE):
        if endpoint.rule.endpoint == "auth.logout":
            continue
        limiter.reset()
        for field in fields:
            answer = client.open(
                endpoint.address,
                method=endpoint.method,
                data=field.encode() + b"=" + noise,
                headers=headers | {"Content-Type": "application/x-www-form-urlencoded"},
            )
            with answer:
                assert answer.status_code < 500, (endpoint, field)
                if noise == b"a%00b" and "json" not in answer.content_type:
                    assert 400 == answer.status_code, (endpoint, field)
                    assert f"{field}: that has characters" in answer.text


def test_a_form_names_the_field_to_programs(browser: Callable, csrf: Callable) -> None:
    """As in every refusal of a field."""
    client = browser(Role.CLIENT)
    answer = client.post(
        "/portfolio/",
        data="name=a%00b",
        headers={
            "X-CSRFToken": csrf(client, "/portfolio/"),
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )

    assert 400 == answer.status_code
    assert ("INVALID_PAYLOAD", "name") == (
        answer.json["error"]["code"],
        answer.json["error"]["field"],
    )


def test_the_generators_are_not_empty(app: Flask) -> None:
    """The tests above cover something."""
    assert len(list(every_route(app))) > 100
    assert 6 < len(takers(app))
    assert {"name", "scopes", "expires_in_days", "expires_on"} <= {
        field for taker in takers(app) for _, field, _ in wrong_bodies(taker.route.body)
    }
