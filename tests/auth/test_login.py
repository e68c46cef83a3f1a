from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from omcrm.auth.login import SignedIn, hash_token, local_path
from omcrm.auth.service import set_active
from omcrm.engine.bus import LoginEnded
from omcrm.extensions import db
from omcrm.services import services_of
from omcrm.storage.audit import AuditEntry
from omcrm.storage.login_session import LoginSession
from omcrm.storage.user import Role, find_user

EMAIL = "trader@example.com"
ANSWER = "/webtrader/protected"


@pytest.fixture
def signed_in(client: FlaskClient, log_in: Callable) -> FlaskClient:
    """A browser that is logged in."""
    assert 302 == log_in(client).status_code
    return client


def token_of(client: FlaskClient) -> str:
    """The secret in this browser's cookie."""
    with client.session_transaction() as session:
        return session["_user_id"]


def only_session(app: Flask) -> LoginSession:
    """The one session on the server."""
    with app.app_context():
        return db.session.query(LoginSession).one()


def log_out(client: FlaskClient) -> int:
    """Press the logout button, which sends the CSRF token of its page."""
    token = client.get("/token").text
    return client.post("/auth/logout", headers={"X-CSRFToken": token}).status_code


def test_server_keeps_only_the_hash(app: Flask, signed_in: FlaskClient) -> None:
    """The browser's token is 256 random bits, and the database does not have it."""
    token = token_of(signed_in)

    assert 43 == len(token)
    assert hash_token(token) == only_session(app).token_hash
    assert {"session": hash_token(token)} == signed_in.get(ANSWER).json


def test_lasts_as_long_as_set(app: Flask, signed_in: FlaskClient) -> None:
    """A session ends the set number of hours after the login."""
    kept = only_session(app)

    assert timedelta(hours=12) == kept.expires_at - kept.created_at


def test_session_is_renewed_at_login(client: FlaskClient, log_in: Callable) -> None:
    """Nothing that was in the browser's session before the login is there after it."""
    client.get("/auth/login")
    with client.session_transaction() as session:
        before = session["csrf_token"]
        session["planted"] = "by somebody else"
        session["_user_id"] = "a token that somebody else knows"

    log_in(client)

    with client.session_transaction() as session:
        assert "planted" not in session
        assert "a token that somebody else knows" != session["_user_id"]
        assert before != session.get("csrf_token")


def test_each_login_has_its_own_session(
    app: Flask, signed_in: FlaskClient, log_in: Callable
) -> None:
    """Two browsers of one account have two tokens."""
    other = app.test_client()
    log_in(other)

    assert token_of(signed_in) != token_of(other)


def test_logout_ends_the_session_on_the_server(app: Flask, signed_in: FlaskClient) -> None:
    """A copy of the cookie made before the logout is refused after it."""
    thief = app.test_client()
    cookie = signed_in.get_cookie("omcrm_session")
    thief.set_cookie("omcrm_session", cookie.value)
    assert 200 == thief.get(ANSWER).status_code

    assert 302 == log_out(signed_in)

    assert 401 == thief.get(ANSWER).status_code
    assert 401 == signed_in.get(ANSWER).status_code
    with app.app_context():
        assert ["login", "logout"] == [e.action for e in db.session.query(AuditEntry)]


def test_logout_ends_this_session_only(
    app: Flask, signed_in: FlaskClient, log_in: Callable
) -> None:
    """Another browser of the same account stays logged in."""
    other = app.test_client()
    log_in(other)
    log_out(signed_in)

    assert 200 == other.get(ANSWER).status_code


def test_a_logout_is_published(app: Flask, signed_in: FlaskClient) -> None:
    """With the session's hash, once; a stranger's logout is not."""
    received: list[LoginEnded] = []
    services_of(app).bus.subscribe(LoginEnded, received.append)
    token_hash = hash_token(token_of(signed_in))

    assert [302, 302] == [log_out(signed_in), log_out(signed_in)]
    assert [LoginEnded(token_hash)] == received


def test_a_disabled_account_is_logged_out_at_once(app: Flask, signed_in: FlaskClient) -> None:
    """The next request of a disabled account is a stranger's."""
    with app.app_context():
        set_active(find_user(EMAIL), False, datetime.now(UTC))

    assert 401 == signed_in.get(ANSWER).status_code


def test_an_expired_session_is_refused(app: Flask, signed_in: FlaskClient) -> None:
    """A session that has expired on the server is not valid, although the cookie is."""
    with app.app_context():
        db.session.query(LoginSession).one().expires_at = datetime.now(UTC)
        db.session.commit()

    assert 401 == signed_in.get(ANSWER).status_code


def test_one_query_a_request(app: Flask, signed_in: FlaskClient) -> None:
    """Loading the user takes one query."""
    queries: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

    assert EMAIL == signed_in.get("/open/page").text
    assert 1 == len(queries)


def test_token_is_not_written_to_logs() -> None:
    """The printed user does not show the secret."""
    somebody = SignedIn(id=1, email=EMAIL, role=Role.ADMIN, token="secret")

    assert "<admin trader@example.com>" == repr(somebody)
    assert somebody.may("feeds:control")


# Where to go after the login


@pytest.mark.parametrize("target", ["/", "/webtrader/dashboard", "/a?b=c&d=%2F#e", "/über"])
def test_the_next_page_is_of_this_site(target: str) -> None:
    """An absolute path is returned as it is."""
    assert target == local_path(target)


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "dashboard",
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/a\\b",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\x00",
        "/\x7f",
        "/\u2028",
        " /dashboard",
        "\t//evil.example",
        "/.//evil.example",
        "javascript:alert(1)",
        "http:/evil.example",
        "/" + "a" * 2000,
    ],
)
def test_no_other_next_page_is_accepted(target: str | None) -> None:
    """A text that a browser could read as another site, or that is no path, is refused."""
    assert None is local_path(target)
