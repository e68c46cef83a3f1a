"""Who may use a route, what refusals look like, and what every route states.

Long for a reason: one decorator guards pages and JSON, with sessions and with tokens.
"""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from omcrm.auth.access import Access, current_caller, is_for_programs, public, requires
from omcrm.auth.api_token import CreatedToken
from omcrm.auth.login import hash_token
from omcrm.auth.permission import PERMISSIONS, Permission
from omcrm.extensions import csrf, db
from omcrm.storage.audit import AuditEntry
from omcrm.storage.login_session import open_session
from omcrm.storage.user import Role, User

ADMIN_EMAIL = "boss@example.com"
ADMIN_ANSWER = "/webtrader/protected_admin"


READ, WRITE, FEEDS, OWN = "/api/try/read", "/api/try/write", "/api/try/feeds", "/api/try/own"

GiveToken = Callable[..., CreatedToken]


# Pages and JSON with a login


def test_stranger_is_sent_to_the_login_and_back(client: FlaskClient) -> None:
    """A page redirects to the login, with the address to return to."""
    answer = client.get("/protected/page?symbol=BTC")

    assert 302 == answer.status_code
    assert "/auth/login?next=/protected/page?symbol%3DBTC" == answer.location


def test_the_desk_is_a_page(client: FlaskClient) -> None:
    """The desk is among its JSON routes, but is a page."""
    for path in ("/webtrader/dashboard", "/webtrader/"):
        assert f"/auth/login?next={path}" == client.get(path).location


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/webtrader/protected", {}),
        ("/webtrader/dashboard", {"Accept": "application/json"}),
        ("/protected/admin", {"Accept": "application/json"}),
    ],
)
def test_a_program_gets_401(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """JSON routes, and requests that accept JSON, get 401 with the code."""
    answer = client.get(path, headers=headers)

    assert 401 == answer.status_code
    assert {
        "success": False,
        "error": {"code": "AUTHENTICATION_REQUIRED", "message": "You must log in first."},
    } == answer.json


@pytest.mark.parametrize(
    "accept", ["*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"]
)
def test_browser_is_no_program(client: FlaskClient, accept: str) -> None:
    """A request that accepts anything gets the page."""
    answer = client.get("/protected/admin", headers={"Accept": accept})

    assert "/auth/login?next=/protected/admin" == answer.location


def test_stranger_cannot_post(client: FlaskClient) -> None:
    """An admin's route asks for a login before anything else."""
    assert 401 == client.post(ADMIN_ANSWER).status_code


def test_the_login_does_not_return_to_a_posted_form(client: FlaskClient) -> None:
    """The posted fields are lost, so the login has no address to return to."""
    token = {"X-CSRFToken": client.get("/token").text}

    assert 400 == client.post("/protected/admin").status_code
    assert "/auth/login" == client.post("/protected/admin", headers=token).location


def test_a_client_is_refused_and_it_is_in_the_audit_log(
    app: Flask, client: FlaskClient, log_in: Callable
) -> None:
    """A client on an admin's route gets 403, and the audit log has the user and the route."""
    log_in(client)
    answer = client.post(ADMIN_ANSWER, headers={"X-CSRFToken": client.get("/token").text})

    assert 403 == answer.status_code
    assert {
        "success": False,
        "error": {"code": "ADMIN_REQUIRED", "message": "Only an admin may do this."},
    } == answer.json
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="refused_admin_access").one()
        assert (1, f"POST {ADMIN_ANSWER}", "127.0.0.1") == (
            entry.user_id,
            entry.detail,
            entry.remote_addr,
        )


def test_client_gets_a_page_of_refusal(client: FlaskClient, log_in: Callable) -> None:
    """The refusal of a page is a page."""
    log_in(client)
    answer = client.get("/protected/admin")

    assert 403 == answer.status_code
    assert "text/html" == answer.mimetype


def test_an_admin_may_use_it(client: FlaskClient, log_in: Callable) -> None:
    """Both routes answer an admin."""
    log_in(client, email=ADMIN_EMAIL)

    token = {"X-CSRFToken": client.get("/token").text}
    assert {"success": True} == client.post(ADMIN_ANSWER, headers=token).json
    assert "for admins" == client.get("/protected/admin").text


# With a session or a token


@pytest.fixture(autouse=True)
def routes(app: Flask) -> None:
    """Routes with the decorator."""

    def answer() -> ResponseReturnValue:
        caller = current_caller()
        return jsonify(user=caller.user_id, scopes=sorted(caller.permissions))

    def route(path: str, decorate: Callable, **options: object) -> None:
        def view() -> ResponseReturnValue:
            return answer()

        view.__name__ = path.replace("/", "_")
        app.add_url_rule(path, path, decorate(view), **options)

    route(READ, requires("market:read"))
    route(WRITE, requires("portfolio:read", "portfolio:write"), methods=["POST", "DELETE"])
    route(FEEDS, requires("feeds:control"), methods=["POST"])
    route(OWN, requires(session_only=True), methods=["GET", "POST"])
    route("/try/page", requires("market:read", page=True))


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
    answer = client.post(WRITE, headers=token).json
    assert {"user": 1, "scopes": sorted(PERMISSIONS[Role.CLIENT])} == answer
    assert 200 == client.get(READ).status_code


@pytest.mark.parametrize("name", ["Authorization", "x-api-key"])
@pytest.mark.parametrize("text", ["Bearer", "", "Basic x", "Bearer omcrm_wrong", "omcrm_wrong"])
def test_no_header_replaces_the_csrf_token_of_a_session(
    client: FlaskClient, log_in: Callable, name: str, text: str
) -> None:
    """With any text in it: a cookie never counts without the page's token."""
    log_in(client)

    assert client.post(WRITE, headers={name: text}).status_code in (400, 401)


def test_a_token_is_refused_on_pages(
    client: FlaskClient, log_in: Callable, give_token: GiveToken
) -> None:
    """Also with a session beside it, which needs the page's CSRF token."""
    log_in(client, email=ADMIN_EMAIL)
    headers = bearer(give_token("feeds:control", email=ADMIN_EMAIL))
    with_token = client.post("/admin/instruments", headers=headers)

    assert (403, "SESSION_REQUIRED") == code(with_token)
    assert 400 == client.post("/admin/instruments").status_code


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
    assert all(view.__code__.co_filename.endswith("auth/access.py") for view in ours)


# What routes state


# Open to everybody: the login, where programs find the socket, and an operator's checks.
PUBLIC = {
    "auth.login",
    "auth.logout",
    "realtime.health",
    "realtime.websocket_info",
    "static",
    "web.front",
    "web.healthz",
    "web.readyz",
}
# Of one's own account: any login will do, or any token.
WITHOUT_PERMISSION = {
    "login_history.page",
    "reference.asyncapi_yaml",
    "reference.docs",
    "reference.openapi_json",
    "socket_test.page",
    "tokens.add",
    "tokens.create",
    "tokens.end",
    "tokens.page",
    "tokens.revoke",
    "tokens.tokens",
    "tokens.ws_ticket",
}


def stated(app: Flask) -> dict[str, Access]:
    """What each route of the product states, by its endpoint."""
    views = {
        rule.endpoint: app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        if app.view_functions[rule.endpoint].__module__ != __name__
        and not rule.rule.startswith(("/protected", "/open", "/webtrader/protected", "/token"))
    }
    assert len(views) > 40
    return {endpoint: getattr(view, "access", None) for endpoint, view in views.items()}


def test_every_route_states_who_may_use_it(app: Flask) -> None:
    """A permission, a login, or that it is public: none is open because it was forgotten."""
    routes = stated(app)

    assert {Access} == {type(access) for access in routes.values()}
    assert {endpoint for endpoint, access in routes.items() if access.is_public} == PUBLIC
    assert WITHOUT_PERMISSION == {
        endpoint
        for endpoint, access in routes.items()
        if not access.is_public and not access.permissions
    }


def test_pages_take_no_tokens(app: Flask) -> None:
    """But for the documents, which programs may read, too."""
    pages = {endpoint: access for endpoint, access in stated(app).items() if access.is_page}

    assert {"reference.docs"} == {
        endpoint
        for endpoint, access in pages.items()
        if not access.is_public and not access.session_only
    }


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/webtrader/dashboard", False),
        ("POST", "/webtrader/dashboard", False),
        ("GET", "/webtrader/instruments", True),
        ("DELETE", "/webtrader/instruments", True),
        ("GET", "/api/docs", False),
        ("GET", "/healthz", True),
        ("GET", "/webtrader/nowhere", True),
        ("GET", "/api/nowhere", True),
        ("GET", "/nowhere", False),
        ("GET", "/admin/nowhere", False),
    ],
)
def test_a_route_states_how_it_answers(app: Flask, method: str, path: str, expected: bool) -> None:
    """Also to a wrong method; of an unknown path the prefix tells."""
    with app.test_request_context(path, method=method):
        assert expected is is_for_programs()


def test_the_decorators_state_what_they_were_given() -> None:
    """On the view that the app serves."""

    def view() -> str:
        return ""

    assert Access(is_public=True, is_page=True) == public(page=True)(view).access
    assert (
        Access(permissions=frozenset({Permission.MARKET_READ}), session_only=True)
        == requires("market:read", session_only=True)(view).access
    )


# Staff


def test_staff_see_the_feeds_and_change_nothing(app: Flask, client: FlaskClient) -> None:
    """The page of the feeds without its buttons; nothing that is an admin's."""
    token, now = secrets.token_urlsafe(), datetime.now(UTC)
    with app.app_context():
        user = User(email="s@example.com", password_hash="", role=Role.STAFF, created_at=now)
        db.session.add(user)
        db.session.flush()
        lasting, of_browser = timedelta(hours=1), {"user_agent": None, "remote_addr": None}
        open_session(hash_token(token), user.id, now, lasting, **of_browser)
        db.session.commit()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    page = client.get("/admin/feeds")
    headers = {"X-CSRFToken": client.get("/token").text}
    stopped = client.post("/webtrader/stop_realtime_feeds", headers=headers)

    assert 200 == page.status_code
    assert "feeds-stop" not in page.text
    assert "/admin/feeds" in page.text
    assert "/admin/instruments" not in page.text
    assert {"events", "quota"} <= client.get("/webtrader/realtime_status").json["feeds"].keys()
    assert (403, "ADMIN_REQUIRED") == code(stopped)
    assert 403 == client.get("/admin/instruments").status_code
