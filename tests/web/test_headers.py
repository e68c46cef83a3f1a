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
    return dict(rule.strip().split(" ", 1) for rule in text.split(";"))


@pytest.mark.parametrize("path", PATHS)
def test_only_our_own_files_run(client: FlaskClient, path: str) -> None:
    """Every answer lets the browser load from this host alone, and run nothing inline."""
    rules = policy(client, path)

    assert "'self'" == rules["default-src"] == rules["script-src"] == rules["style-src"]
    assert "'self'" == rules["connect-src"] == rules["form-action"]
    assert "'none'" == rules["object-src"] == rules["frame-ancestors"] == rules["base-uri"]
    assert not any("unsafe" in value or "*" in value for value in rules.values())


@pytest.mark.parametrize("path", PATHS)
def test_other_security_headers(client: FlaskClient, path: str) -> None:
    """Against frames, content sniffing and referrers."""
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


def test_pages_are_not_cached(browser: Callable) -> None:
    """The back button after a logout shows no page."""
    trader = browser(Role.CLIENT)

    for path in ("/auth/login", "/webtrader/realtime_status", "/webtrader/instruments"):
        assert "no-store" == trader.get(path).headers["Cache-Control"]


def test_static_files_may_be_cached(client: FlaskClient) -> None:
    """They are the same for everybody."""
    headers = headers_of(client, "/static/css/base.css")

    assert "no-store" not in headers["Cache-Control"]


def test_https_sets_strict_transport_security(client: FlaskClient) -> None:
    """Over HTTPS only: over HTTP it would lock out the browser."""
    secure = client.get("/healthz", base_url="https://desk.example.com")

    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


def test_cookie_is_for_this_site_and_no_script(client: FlaskClient) -> None:
    """The session's cookie cannot be read by a script nor sent by another site's form."""
    (cookie,) = client.get("/auth/login").headers.getlist("Set-Cookie")

    assert cookie.startswith("omcrm_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
