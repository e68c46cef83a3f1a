"""The session cookie: the same as Flask's own, read at less cost."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous.timed import TimestampSigner

from omcrm.auth.session_cookie import SessionCookie, cookie_token


@pytest.fixture
def app() -> Flask:
    """An app with a key, and our cookie."""
    app = Flask("test")
    app.secret_key = "first"
    app.session_interface = SessionCookie()
    return app


def cookie(app: Flask, **session: Any) -> str:
    """What Flask's own interface would send for this session."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return str(serializer.dumps(session))


def token(app: Flask, value: str) -> str | None:
    return cookie_token(app, {"HTTP_COOKIE": f"other=1; session={value}; more=2"})


def test_flasks_cookies_are_read_and_ours_are_flasks(app: Flask) -> None:
    """Both ways, by both ways of reading."""
    value = cookie(app, _user_id="secret", _fresh=True)
    ours = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    theirs = SecureCookieSessionInterface().get_signing_serializer(app)
    assert theirs is not None

    assert "secret" == token(app, value)
    assert {"_user_id": "secret", "_fresh": True} == ours.loads(value)
    assert {"a": 1} == theirs.loads(ours.dumps({"a": 1}))
    with app.test_request_context(headers={"Cookie": f"session={value}"}) as context:
        assert "secret" == context.session["_user_id"]


def test_what_we_did_not_sign_names_nobody(app: Flask) -> None:
    """Nor a session without a login, or with one that is no text."""
    value = cookie(app, _user_id="secret")
    payload, time, signature = value.split(".")
    wrong = [
        *("", "x", "a.b.c", ".", "..", "é.ü.ä", f"{payload}.{time}", f"{payload}..{signature}"),
        *(f"{payload}.{time}.{signature[:-2]}", f"{cookie(app, _user_id='other')}{value}"),
        *(f"{payload[:-1]}A.{time}.{signature}", cookie(app), cookie(app, _user_id=7)),
    ]

    assert [None] * len(wrong) == [token(app, value) for value in wrong]
    assert cookie_token(app, {}) is None


def test_a_cookie_expires(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the session's lifetime, as Flask's own does."""
    app.permanent_session_lifetime = timedelta(seconds=60)
    value = cookie(app, _user_id="secret")
    now = TimestampSigner.get_timestamp(TimestampSigner("any"))
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now + 59)
    assert "secret" == token(app, value)
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now + 62)

    assert token(app, value) is None


def test_another_key_counts_at_once(app: Flask) -> None:
    """The old one only where it is kept on purpose."""
    value = cookie(app, _user_id="secret")
    assert "secret" == token(app, value)
    app.secret_key = "second"
    assert token(app, value) is None
    app.config["SECRET_KEY_FALLBACKS"] = ["first"]
    assert "secret" == token(app, value)
    app.secret_key = None

    assert token(app, value) is None
