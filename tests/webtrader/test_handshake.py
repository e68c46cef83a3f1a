import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Request

from omcrm.auth import credential
from omcrm.auth.session_cookie import SessionCookie
from omcrm.services import services_of
from omcrm.storage.user import Role
from omcrm.webtrader.handshake import Environ, Handshake


def within(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"within"]


def app_without_logins() -> Flask:
    app = Flask("test")
    app.session_interface = SessionCookie()
    return app


def status(
    origin: str | None = None,
    *,
    public_url: str = "",
    path: str = "/socket.io/",
    base: str = "http://desk.local:5000",
    method: str = "GET",
) -> int:
    headers = {} if origin is None else {"Origin": origin}
    environ = create_environ(path, base, headers=headers, method=method)
    _, text, _ = run_wsgi_app(Handshake(within, app_without_logins(), public_url), environ)
    return int(text.split()[0])


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        ("http://desk.local:5000", "http://desk.local:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://desk.example.com", "https://desk.example.com"),
    ],
)
def test_our_own_pages_are_accepted(base: str, origin: str) -> None:
    """Without a public address, the request's host is the allowed origin."""
    assert 200 == status(origin, base=base)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://desk.local:5000",
        "http://desk.local",
        "http://desk.local:5001",
        "http://desk.local:5000.evil.example",
        "http://evil.example/http://desk.local:5000",
        "null",
        "desk.local:5000",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_origins_are_refused(origin: str, method: str) -> None:
    """A page of another scheme, host or port gets 403, with any method."""
    assert 403 == status(origin, method=method)


def test_a_set_public_address_is_the_only_origin() -> None:
    """Behind a proxy the request's host does not matter."""
    pages = "https://desk.example.com"

    assert 200 == status(pages, public_url=pages)
    assert 403 == status("http://desk.local:5000", public_url=pages)


def test_programs_without_an_origin_are_accepted() -> None:
    """Only browsers send an Origin; a program needs its login anyway."""
    assert 200 == status(None)


@pytest.mark.parametrize("path", ["/", "/auth/login", "/webtrader/dashboard", "/socket.iox"])
def test_other_paths_are_not_checked(path: str) -> None:
    """Forms have their own CSRF tokens."""
    assert 200 == status("http://evil.example", path=path)


@pytest.mark.parametrize(
    "path", ["/socket.io/?EIO=4&transport=websocket", "/socket.io/?EIO=4&transport=polling"]
)
def test_both_transports_are_checked(path: str) -> None:
    """Neither a WebSocket nor polling is accepted from another origin."""
    assert 403 == status("http://evil.example", path=path)


def test_the_refusal_is_json() -> None:
    """The answer has the shape of every other refusal, and its own length."""
    environ = create_environ("/socket.io/", headers={"Origin": "http://evil.example"})
    body, _, headers = run_wsgi_app(Handshake(within, app_without_logins(), ""), environ)
    content = b"".join(body)

    assert {
        "success": False,
        "error": {"code": "FORBIDDEN_ORIGIN", "message": "forbidden origin"},
    } == json.loads(content)
    assert ("application/json", str(len(content))) == (
        headers["Content-Type"],
        headers["Content-Length"],
    )


def test_the_check_precedes_socketio_in_the_app(app: Flask) -> None:
    """In the app a foreign page does not even get a session with Socket.IO."""
    environ = create_environ(
        "/socket.io/?EIO=4&transport=polling", headers={"Origin": "http://evil.example"}
    )
    _, text, _ = run_wsgi_app(app.wsgi_app, environ)

    assert "403 Forbidden" == text
    assert "evil" not in Request(environ).host


@pytest.mark.parametrize(
    ("query", "expected"), [("EIO=4&transport=websocket", 1), ("EIO=4&transport=polling&sid=x", 0)]
)
def test_the_login_of_a_new_session_is_looked_up_with_others(
    app: Flask,
    browser: Callable[[Role], FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    expected: int,
) -> None:
    """Later requests of the session need no look."""
    announced: list[str] = []
    monkeypatch.setattr(services_of(app).recent_logins, "expect", announced.append)
    cookie = browser(Role.CLIENT).get_cookie("omcrm_session")
    headers = {"Cookie": f"omcrm_session={cookie.value if cookie else ''}"}
    environ = create_environ(f"/socket.io/?{query}", headers=headers)
    run_wsgi_app(Handshake(within, app, ""), environ)

    assert expected == len(announced)
    with app.app_context():
        caller = credential.identify(environ, recent=True)
    assert isinstance(caller, credential.Caller)
    assert [caller.handle.removeprefix("session:")] * expected == announced
