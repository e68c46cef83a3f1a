import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ

from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason
from omcrm.auth.permission import Permission
from omcrm.gateways.mount import HandshakePolicy, HandshakeRefusal, missing, refusal
from omcrm.storage.user import Role

FOREIGN = {"Origin": "https://evil.example"}


def identified(
    app: Flask, policy: HandshakePolicy, cookie: str = "", **headers: str
) -> Caller | UnidentifiedReason | None:
    given = {"Cookie": f"omcrm_session={cookie}", **headers} if cookie else headers
    with app.app_context():
        caller = policy.identify(create_environ("/ws", "http://desk.local", headers=given))
    return caller.reason if isinstance(caller, Unidentified) else caller


@pytest.mark.parametrize("requires_credential", [True, False])
def test_a_credential_identifies_its_user(
    app: Flask, browser: Callable[[Role], FlaskClient], requires_credential: bool
) -> None:
    """With and without security; a cookie sent from another site does not count."""
    policy, cookie = (
        HandshakePolicy(requires_credential),
        browser(Role.ADMIN).get_cookie("omcrm_session").value,
    )
    caller = identified(app, policy, cookie)

    assert isinstance(caller, Caller)
    assert Role.ADMIN is caller.role
    assert (UnidentifiedReason.FOREIGN_ORIGIN if requires_credential else None) is identified(
        app, policy, cookie, **FOREIGN
    )
    assert UnidentifiedReason.WRONG is identified(app, policy, cookie, **{"x-api-key": "wrong"})


def test_anonymous_callers(app: Flask) -> None:
    """They are refused, or without security pass from any origin."""
    assert UnidentifiedReason.NONE_GIVEN is identified(
        app, HandshakePolicy(requires_credential=True)
    )
    assert UnidentifiedReason.NONE_GIVEN is identified(
        app, HandshakePolicy(requires_credential=True), **FOREIGN
    )
    assert None is identified(app, HandshakePolicy(requires_credential=False))
    assert None is identified(
        app, HandshakePolicy(requires_credential=False), Origin="http://desk.local"
    )
    assert None is identified(app, HandshakePolicy(requires_credential=False), **FOREIGN)


def test_a_refusal_in_http() -> None:
    """With the headers for retrying."""
    head: list[Any] = []
    body = b"".join(
        refusal(Unidentified(UnidentifiedReason.TOO_MANY_WRONG, 7)).answer(
            lambda *response: head.extend(response)
        )
    )
    headers = dict(head[1])

    assert "429 Too Many Requests" == head[0]
    assert ("7", str(len(body))) == (headers["Retry-After"], headers["Content-Length"])
    assert "TOO_MANY_REQUESTS" == json.loads(body)["error"]["code"]
    assert "WWW-Authenticate" not in headers


def test_every_refusal_has_an_http_status() -> None:
    """401, 403 or 429."""
    for reason in UnidentifiedReason:
        head: list[Any] = []
        list(
            refusal(Unidentified(reason)).answer(lambda *response, head=head: head.extend(response))
        )
        assert int(head[0].split()[0]) in (401, 403, 429)


def test_a_missing_scope_is_named() -> None:
    """The message says which scope the token needs."""
    assert HandshakeRefusal(
        403, "INSUFFICIENT_SCOPE", "This needs a token with the scope prices:update."
    ) == missing(Permission.PRICES_UPDATE)
