"""What every answer has in common, whoever makes it: its headers, and no fault of ours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm.auth.login import hash_token
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.auth.scope import Scope
from omcrm.extensions import db, limiter
from omcrm.gateways.registry import DIALECTS
from omcrm.reference.routes import ROUTES
from omcrm.storage.api_token import ApiToken
from omcrm.storage.user import Role, User
from tests.web.every_route import ASKING, UNSAFE, every_route
from tests.web.wrong_body import BAD_TEXTS, wrong_bodies

SECURE = {
    "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
    "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy",
    "Cache-Control",
}  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
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
    """Nobody has to wait because others asked so much."""
    monkeypatch.setattr(UserRateLimit, "spend", lambda self, who: 0)
    monkeypatch.setattr(UserRateLimit, "wait", lambda self, who: 0)


@pytest.fixture
def program(app: Flask) -> dict[str, str]:
    """The header of a token that may do everything, of an admin."""
    now = datetime.now(UTC)
    with app.app_context():
        user = User(email="p@example.com", password_hash="", role=Role.ADMIN, created_at=now)
        db.session.add(user)
        db.session.flush()
        token = {"name": "test", "prefix": "omcrm_", "token_hash": hash_token(SECRET)}
        scopes, end = [scope.value for scope in Scope], now + timedelta(days=1)
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
    """Whatever it answers, to strangers and to others."""
    for client in (app.test_client(), browser(Role.CLIENT)):
        for door in every_route(app):
            lacks = missing(client.open(door.address, method=door.method))

            assert set() == lacks, door


@pytest.mark.parametrize("address", [*SOCKET_IO, "/nowhere", "/static/nowhere", "/%00"])
@pytest.mark.parametrize("headers", [{}, UPGRADE, ORIGIN, UPGRADE | ORIGIN])
def test_other_answers_have_the_headers(
    client: FlaskClient, address: str, headers: dict[str, str]
) -> None:
    """Those of Socket.IO, of what is not there, and to pages of other sites."""
    for method in METHODS:
        assert set() == missing(client.open(address, method=method, headers=headers)), method


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
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
    """No WebSocket can be taken from a test's request: each is refused."""
    path = dialect.path.replace("<symbol>", "BTC")
    for method in METHODS:
        assert set() == missing(client.open(path, method=method, headers=headers)), method


# The database is away


def test_no_route_fails_without_a_database(
    app: Flask, browser: Callable, program: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """What needs it says 503, with a code and when to come back; nothing gives a traceback."""
    stranger, admin = app.test_client(), browser(Role.ADMIN)
    callers = ((stranger, program), (stranger, {"x-api-key": "made up"}), (admin, {}))
    with app.app_context():
        db.drop_all()
    for client, headers in callers:
        for door in every_route(app, *ASKING):
            with client.open(door.address, method=door.method, headers=headers) as answer:
                assert 503 == answer.status_code or answer.status_code < 500, door
                if answer.status_code == 503 and door.address != "/readyz":
                    assert "5" == answer.headers["Retry-After"], door
    assert "Traceback" not in caplog.text
    assert [] == [record for record in caplog.records if record.exc_info]


def test_a_made_up_token_meets_no_database(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A stranger gets a short answer and writes a short line."""
    with app.app_context():
        db.drop_all()
    answer = app.test_client().get(
        "/webtrader/realtime_status", headers={"Authorization": "Bearer made up"}
    )

    assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert "DATABASE_UNAVAILABLE" == answer.json["error"]["code"]
    assert len(caplog.text) < 300


def test_a_handshake_meets_no_database(app: Flask) -> None:
    """It is refused before there is a WebSocket."""
    with app.app_context():
        db.drop_all()
    for path in ("/ws/market/feed", "/ws/realtime/", "/quotes"):
        answer = app.test_client().get(path, headers=UPGRADE | {"x-api-key": "made up"})

        assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
        assert "DATABASE_UNAVAILABLE" == answer.json["error"]["code"]


# Text that nobody can read, and other bodies that are wrong

WITH_BODY = [route for route in ROUTES if route.body is not None]
ADDRESS = {"portfolio_id": 1, "symbol": "BTC", "token_id": 1}


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: f"{route.method} {route.path}")
def test_a_wrong_body_is_refused(
    route: Any, app: Flask, browser: Callable, csrf: Callable, program: dict[str, str]
) -> None:
    """With the field where one is to blame, and never as a fault of ours."""
    client, page = app.test_client(), browser(Role.ADMIN)
    session = {"X-CSRFToken": csrf(page, "/portfolio/")}
    for own in (client, page):
        headers = program if own is client else session
        own.post("/api/v1/portfolios", json={"name": "Own"}, headers=headers)
    address = route.address.format(**ADDRESS)
    for way, field, body in wrong_bodies(route.body):
        asker, headers = (page, session) if "tokens" in route.path else (client, program)
        headers = headers | {"Content-Type": "application/json"}
        answer = asker.open(address, method=route.method, data=body, headers=headers)

        assert answer.status_code < 500, (way, field, answer.text)
        if way in BAD_TEXTS and way != "raw NUL":
            assert (400, field) == (answer.status_code, answer.json["error"].get("field")), way


@pytest.mark.parametrize("noise", ["%00", "a%ff", "%ed%a0%80", "9" * 5000, "²"])
def test_noise_in_an_address_is_no_fault(
    app: Flask, browser: Callable, program: dict[str, str], noise: str
) -> None:
    """In the variable parts, in what stands behind them, and in the query."""
    names = ("limit", "next", "holding", "symbol", "timeframe", "token", "ticket", noise)
    query = "&".join(f"{name}={noise}" for name in names)
    for client, headers in ((browser(Role.ADMIN), {}), (app.test_client(), program)):
        for door in every_route(app, *ASKING):
            addresses = [door.with_text({name: noise}) for name in door.variables]
            for address in (*addresses, f"{door.address}{noise}", f"{door.address}?{query}"):
                with client.open(address, method=door.method, headers=headers) as answer:
                    assert answer.status_code < 500 or answer.json["error"]["code"] == "NO_PRICE"


@pytest.mark.parametrize("noise", [b"a%00b", b"\xff", b"x" * 9999])
def test_noise_in_a_form_is_refused(
    app: Flask, browser: Callable, csrf: Callable, noise: bytes
) -> None:
    """In each field of each form; where characters cannot be read, it is named."""
    client = browser(Role.ADMIN)
    headers = {"X-CSRFToken": csrf(client, "/portfolio/")}
    client.post("/api/v1/portfolios", json={"name": "Own"}, headers=headers)
    fields = (
        *("name", "symbol", "quantity", "average_cost", "email", "password", "next", "scopes"),
        *("asset_class", "decimals", "last_resort_price", "binance_symbol", "expires_on"),
    )
    for door in every_route(app, *UNSAFE):
        if door.rule.endpoint == "auth.logout":
            continue
        limiter.reset()
        for field in fields:
            answer = client.open(
                door.address,
                method=door.method,
                data=field.encode() + b"=" + noise,
                headers=headers | {"Content-Type": "application/x-www-form-urlencoded"},
            )
            with answer:
                assert answer.status_code < 500, (door, field)
                if noise == b"a%00b" and "json" not in answer.content_type:
                    assert 400 == answer.status_code, (door, field)
                    assert f"{field}: that has characters" in answer.text


def test_a_form_names_the_field_to_programs(browser: Callable, csrf: Callable) -> None:
    """As every refusal of a field does."""
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


def test_the_generators_find_something(app: Flask) -> None:
    """None of the tests above is empty."""
    assert len(list(every_route(app))) > 100
    assert 6 < len(WITH_BODY)
    assert {"name", "scopes", "expires_in_days", "expires_on"} <= {
        field for route in WITH_BODY for _, field, _ in wrong_bodies(route.body)
    }
