from collections.abc import Callable

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from omcrm.auth.api_token import CreatedToken
from omcrm.auth.requires import current_caller, requires
from omcrm.extensions import csrf, db
from omcrm.storage.audit import AuditEntry

ADMIN_EMAIL = "boss@example.com"
READ, WRITE, FEEDS, OWN = "/api/try/read", "/api/try/write", "/api/try/feeds", "/api/try/own"

GiveToken = Callable[..., CreatedToken]


@pytest.fixture(autouse=True)
def routes(app: Flask) -> None:
    """Routes with the decorator."""

    def answer() -> ResponseReturnValue:
        caller = current_caller()
        return jsonify(user=caller.user_id, scopes=sorted(caller.scopes or ["all"]))

    def route(path: str, decorate: Callable, **options: object) -> None:
        def view() -> ResponseReturnValue:
            return answer()

        view.__name__ = path.replace("/", "_")
        app.add_url_rule(path, path, decorate(view), **options)

    route(READ, requires("market:read"))
    route(WRITE, requires("portfolio:read", "portfolio:write"), methods=["POST", "DELETE"])
    route(FEEDS, requires("feeds:control"), methods=["POST"])
    route(OWN, requires(session_only=True), methods=["GET", "POST"])
    route("/try/page", requires("market:read"))


def bearer(made: CreatedToken) -> dict[str, str]:
    return {"Authorization": f"Bearer {made.secret}"}


def code(answer: object) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_a_program_without_a_credential_gets_401(client: FlaskClient) -> None:
    """With the scheme; the message is the same for every JSON route."""
    answer = client.get(READ)

    assert (401, "AUTHENTICATION_REQUIRED") == code(answer)
    assert "Bearer" == answer.headers["WWW-Authenticate"]


def test_a_person_is_sent_to_the_login(client: FlaskClient) -> None:
    """On a page it is as on other pages."""
    answer = client.get("/try/page")

    assert (302, "/auth/login?next=/try/page") == (answer.status_code, answer.location)
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("path", [READ, "/try/page"])
def test_a_wrong_token(client: FlaskClient, path: str) -> None:
    """A program that sends one is never redirected to a login page."""
    answer = client.get(path, headers={"x-api-key": "omcrm_wrong"})

    assert (401, "AUTHENTICATION_FAILED") == code(answer)
    assert "Bearer" == answer.headers["WWW-Authenticate"]


def test_a_token_with_the_scope(client: FlaskClient, give_token: GiveToken) -> None:
    """It is let in, and the route knows its user."""
    answer = client.get(READ, headers=bearer(give_token("market:read")))

    assert {"user": 1, "scopes": ["market:read"]} == answer.json


def test_a_token_without_the_scope(client: FlaskClient, give_token: GiveToken) -> None:
    """The refusal names the missing scope."""
    headers = bearer(give_token("market:read", "portfolio:read"))
    answer = client.post(WRITE, headers=headers)

    assert (403, "INSUFFICIENT_SCOPE") == code(answer)
    assert "portfolio:write" in answer.json["error"]["message"]


def test_a_token_needs_no_csrf(client: FlaskClient, give_token: GiveToken) -> None:
    """No browser sends it by itself, whatever the origin is."""
    headers = bearer(give_token("portfolio:read", "portfolio:write"))
    foreign = {**headers, "Origin": "https://elsewhere.example"}

    assert 200 == client.post(WRITE, headers=headers).status_code
    assert 200 == client.delete(WRITE, headers=foreign).status_code


def test_a_session_needs_csrf(client: FlaskClient, log_in: Callable) -> None:
    """Another site cannot use the cookie, with or without its own Origin."""
    log_in(client)
    token = {"X-CSRFToken": client.get("/token").text}
    without = client.post(WRITE)
    foreign = client.post(WRITE, headers={**token, "Origin": "https://evil.example"})

    assert (400, "CSRF_FAILED") == code(without)
    assert (403, "FORBIDDEN_ORIGIN") == code(foreign)
    assert {"user": 1, "scopes": ["all"]} == client.post(WRITE, headers=token).json
    assert 200 == client.get(READ).status_code


@pytest.mark.parametrize("name", ["Authorization", "x-api-key"])
@pytest.mark.parametrize("text", ["Bearer", "", "Basic x", "Bearer omcrm_wrong", "omcrm_wrong"])
def test_no_header_replaces_the_csrf_token_of_a_session(
    client: FlaskClient, log_in: Callable, name: str, text: str
) -> None:
    """With any text in it: a cookie never counts without the page's token."""
    log_in(client)

    assert client.post(WRITE, headers={name: text}).status_code in (400, 401)


def test_other_routes_need_csrf_as_before(
    client: FlaskClient, log_in: Callable, give_token: GiveToken
) -> None:
    """A token is valid on decorated routes only, and the check of other routes stays."""
    log_in(client, email=ADMIN_EMAIL)
    headers = bearer(give_token("feeds:control", email=ADMIN_EMAIL))

    assert 400 == client.post("/admin/instruments", headers=headers).status_code


def test_a_route_of_admins(
    app: Flask, client: FlaskClient, log_in: Callable, give_token: GiveToken
) -> None:
    """A client's session is refused and logged; an admin's token needs the scope."""
    log_in(client)
    refused = client.post(FEEDS, headers={"X-CSRFToken": client.get("/token").text})
    narrow = client.post(FEEDS, headers=bearer(give_token("market:read", email=ADMIN_EMAIL)))
    let_in = client.post(FEEDS, headers=bearer(give_token("feeds:control", email=ADMIN_EMAIL)))

    assert (403, "ADMIN_REQUIRED") == code(refused)
    assert (403, "INSUFFICIENT_SCOPE") == code(narrow)
    assert {"user": 2, "scopes": ["feeds:control"]} == let_in.json
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="refused_admin_access").one()
        assert (1, f"POST {FEEDS}") == (entry.user_id, entry.detail)


def test_a_route_of_sessions(client: FlaskClient, log_in: Callable, give_token: GiveToken) -> None:
    """Every token is refused, even with a session beside it."""
    headers = bearer(give_token())
    alone = client.get(OWN, headers=headers)
    log_in(client)

    assert (403, "SESSION_REQUIRED") == code(alone)
    assert (403, "SESSION_REQUIRED") == code(client.post(OWN, headers=headers))
    assert 200 == client.get(OWN).status_code


def test_guessing_is_limited(client: FlaskClient, give_token: GiveToken) -> None:
    """After so many wrong ones the answer has the time to wait."""
    for n in range(5):
        client.get(READ, headers={"x-api-key": f"omcrm_{n}"})
    answer = client.get(READ, headers=bearer(give_token()))

    assert (429, "TOO_MANY_REQUESTS") == code(answer)
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def test_a_token_in_the_query_is_no_credential(client: FlaskClient, give_token: GiveToken) -> None:
    """Addresses are stored in histories and logs."""
    assert 401 == client.get(f"{READ}?token={give_token().secret}").status_code


def test_an_unknown_scope_raises_at_import() -> None:
    """A typing error must neither open a route nor close it for good."""
    with pytest.raises(ValueError, match="market:raed"):
        requires("market:raed")


def test_every_view_without_the_apps_csrf_check_has_the_decorator(app: Flask) -> None:
    """With the decorators in the wrong order, a route would be open to other sites."""
    exempt = [
        view
        for view in app.view_functions.values()
        if f"{view.__module__}.{view.__name__}" in csrf._exempt_views
    ]
    ours = [view for view in exempt if view.__module__.startswith("omcrm.")]

    assert len(ours) > 5
    assert all(view.__code__.co_filename.endswith("auth/requires.py") for view in ours)
