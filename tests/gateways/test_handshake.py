import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ

from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason
from omcrm.auth.scope import Scope
from omcrm.gateways.handshake import HandshakePolicy, HandshakeRefusal, missing, refusal
from omcrm.storage.user import Role

FOREIGN = {"Origin": "https://evil.example"}


def who(
    app: Flask, door: HandshakePolicy, cookie: str = "", **headers: str
) -> Caller | UnidentifiedReason | None:
    given = {"Cookie": f"omcrm_session={cookie}", **headers} if cookie else headers
    with app.app_context():
        found = door.who(create_environ("/ws", "http://desk.local", headers=given))
    return found.reason if isinstance(found, Unidentified) else found


@pytest.mark.parametrize("guarded", [True, False])
def test_who_has_a_credential_is_known(
    app: Flask, browser: Callable[[Role], FlaskClient], guarded: bool
) -> None:
    """Whether strangers may come in or not; a cookie says nothing on the way from another site."""
    door, cookie = HandshakePolicy(guarded), browser(Role.ADMIN).get_cookie("omcrm_session").value
    found = who(app, door, cookie)

    assert isinstance(found, Caller)
    assert found.is_admin
    assert (UnidentifiedReason.FOREIGN_ORIGIN if guarded else None) is who(
        app, door, cookie, **FOREIGN
    )
    assert UnidentifiedReason.WRONG is who(app, door, cookie, **{"x-api-key": "wrong"})


def test_strangers(app: Flask) -> None:
    """They stay outside, or come in, whatever page they are of."""
    assert UnidentifiedReason.NONE_GIVEN is who(app, HandshakePolicy(guarded=True))
    assert UnidentifiedReason.NONE_GIVEN is who(app, HandshakePolicy(guarded=True), **FOREIGN)
    assert None is who(app, HandshakePolicy(guarded=False))
    assert None is who(app, HandshakePolicy(guarded=False), Origin="http://desk.local")
    assert None is who(app, HandshakePolicy(guarded=False), **FOREIGN)


def test_a_refusal_in_http() -> None:
    """With the headers that say what to do about it."""
    head: list[Any] = []
    body = b"".join(
        refusal(Unidentified(UnidentifiedReason.TOO_MANY_WRONG, 7)).answer(
            lambda *said: head.extend(said)
        )
    )
    headers = dict(head[1])

    assert "429 Too Many Requests" == head[0]
    assert ("7", str(len(body))) == (headers["Retry-After"], headers["Content-Length"])
    assert "TOO_MANY_REQUESTS" == json.loads(body)["error"]["code"]
    assert "WWW-Authenticate" not in headers


def test_every_refusal_can_be_told() -> None:
    """Its status is one of HTTP's."""
    for reason in UnidentifiedReason:
        head: list[Any] = []
        list(refusal(Unidentified(reason)).answer(lambda *said, head=head: head.extend(said)))
        assert int(head[0].split()[0]) in (401, 403, 429)


def test_a_missing_scope_is_named() -> None:
    """So that the right token can be made."""
    assert HandshakeRefusal(
        403, "INSUFFICIENT_SCOPE", "This needs a token with the scope prices:update."
    ) == missing(Scope.PRICES_UPDATE)
