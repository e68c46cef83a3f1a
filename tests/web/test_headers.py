from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from omcrm.storage.user import Role

PATHS = ["/healthz", "/auth/login", "/nowhere", "/webtrader/nowhere", "/static/css/base.css", "/"]


def headers_of(client: FlaskClient, path: str) -> Headers:
    # A file is open until its answer is closed.
    with client.get(path) as answer:
        return answer.headers


def policy(client: FlaskClient, path: str) -> dict[str, str]:
    text = headers_of(client, path)["Content-Security-Policy"]
    return dict(part.strip().split(" ", 1) for part in text.split(";"))


@pytest.mark.parametrize("path", PATHS)
def test_only_our_own_files_run(client: FlaskClient, path: str) -> None:
    """Every answer lets the browser load from here alone, and run nothing inline."""
    rules = policy(client, path)

    assert "'self'" == rules["default-src"] == rules["script-src"] == rules["style-src"]
    assert "'self'" == rules["connect-src"] == rules["form-action"]
    assert "'none'" == rules["object-src"] == rules["frame-ancestors"] == rules["base-uri"]
    assert not any("unsafe" in value or "*" in value for value in rules.values())


@pytest.mark.parametrize("path", PATHS)
def test_browsers_are_told_to_be_careful(client: FlaskClient, path: str) -> None:
    """No answer is framed, guessed at, or told of to others."""
    headers = headers_of(client, path)

    assert ("nosniff", "DENY", "same-origin") == (
        headers["X-Content-Type-Options"],
        headers["X-Frame-Options"],
        headers["Referrer-Policy"],
    )
    assert ("same-origin", "same-origin") == (
        headers["Cross-Origin-Opener-Policy"],
        headers["Cross-Origin-Resource-Policy"],
    )
    assert "camera=()" in headers["Permissions-Policy"]


def test_pages_are_not_kept(browser: Callable) -> None:
    """The back button after a logout shows nothing."""
    trader = browser(Role.CLIENT)

    for path in ("/auth/login", "/webtrader/realtime_status", "/webtrader/instruments"):
        assert "no-store" == trader.get(path).headers["Cache-Control"]


def test_static_files_may_be_kept(client: FlaskClient) -> None:
    """What is the same for everybody need not be loaded each time."""
    headers = headers_of(client, "/static/css/base.css")

    assert "no-store" not in headers["Cache-Control"]


def test_encryption_is_insisted_on_where_there_is_some(client: FlaskClient) -> None:
    """Over HTTPS the browser is told to come back that way; over HTTP it would be locked out."""
    secure = client.get("/healthz", base_url="https://desk.example.com")

    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


def test_cookie_is_for_this_site_and_no_script(client: FlaskClient) -> None:
    """The session's cookie cannot be read by a script nor sent by another site's form."""
    (cookie,) = client.get("/auth/login").headers.getlist("Set-Cookie")

    assert cookie.startswith("omcrm_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
