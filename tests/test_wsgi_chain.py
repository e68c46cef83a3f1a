"""The order of the layers that a request passes, by what they answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm import create_app
from omcrm.extensions import db
from omcrm.services import services_of

QUOTES, WRONG_TOKEN = "/quotes", "/quotes?token=wrong"
# Socket.IO refuses this version of its protocol, so that no session begins.
SOCKETIO = "/socket.io/?EIO=3&transport=polling"
FOREIGN = {"Origin": "https://evil.example"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
}
# One answer of each layer that may answer, from outside to inside: `Handshake`, the raw
# WebSockets, Socket.IO, Flask.
ANSWERS = [
    (SOCKETIO, FOREIGN, 403),
    (QUOTES, {}, 426),
    (WRONG_TOKEN, UPGRADE, 401),
    (SOCKETIO, {}, 400),
    ("/healthz", FOREIGN, 200),
    ("/nowhere", {}, 404),
]


@pytest.fixture
def proxied(app: Flask) -> Iterator[FlaskClient]:
    """A browser of the app behind one trusted proxy; one wrong token a minute is allowed."""
    settings = replace(services_of(app).settings, trusted_proxies=1, login_failures_per_minute=1)
    behind = create_app(settings)
    yield behind.test_client()
    with behind.app_context():
        db.engine.dispose()


def guess(client: FlaskClient, address: str) -> TestResponse:
    """Try a wrong token in a handshake, through a proxy that reports this address."""
    return client.get(WRONG_TOKEN, headers={**UPGRADE, "X-Forwarded-For": address})


@pytest.mark.parametrize(("path", "headers", "status"), ANSWERS)
def test_whoever_answers_has_the_security_headers(
    client: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    """They are outside of every layer that answers."""
    answer = client.get(path, headers=headers)

    assert status == answer.status_code
    assert "DENY" == answer.headers["X-Frame-Options"]
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(("path", "headers", "status"), ANSWERS)
def test_the_proxys_scheme_comes_before_all(
    proxied: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    """The headers are those of HTTPS where the proxy says so, whoever answers."""
    answer = proxied.get(path, headers={**headers, "X-Forwarded-Proto": "https"})

    assert status == answer.status_code
    assert "max-age=" in answer.headers["Strict-Transport-Security"]


def test_the_check_of_the_origin_knows_the_proxied_host(
    client: FlaskClient, proxied: FlaskClient
) -> None:
    """A page of the host that the proxy reports is our own; without a trusted proxy it is not."""
    headers = {
        "Origin": "https://desk.example",
        "X-Forwarded-Host": "desk.example",
        "X-Forwarded-Proto": "https",
    }

    assert 400 == proxied.get(SOCKETIO, headers=headers).status_code
    assert 403 == client.get(SOCKETIO, headers=headers).status_code


def test_handshakes_know_the_proxied_address(proxied: FlaskClient) -> None:
    """Wrong tokens count for the address that the proxy reports, not for the proxy's."""
    guesses = [guess(proxied, address) for address in ("198.51.100.1",) * 2 + ("198.51.100.2",)]

    assert [401, 429, 401] == [answer.status_code for answer in guesses]


def test_the_login_knows_the_proxied_address(proxied: FlaskClient, csrf: Callable) -> None:
    """Failed attempts count for the address that the proxy reports."""
    fields = {"csrf_token": csrf(proxied, "/auth/login")}
    statuses = [
        proxied.post("/auth/login", data=fields, headers={"X-Forwarded-For": address}).status_code
        for address in ("198.51.100.1", "198.51.100.1", "198.51.100.2")
    ]

    assert [400, 429, 400] == statuses


def test_the_origin_is_checked_before_socketio_reads(client: FlaskClient) -> None:
    """A foreign page gets the refusal of its origin, not Socket.IO's of its version."""
    answer = client.get(SOCKETIO, headers=FOREIGN)

    assert (403, "FORBIDDEN_ORIGIN") == (answer.status_code, answer.json["error"]["code"])


def test_websockets_and_socketio_come_before_flask(app: Flask, client: FlaskClient) -> None:
    """Flask's hooks do not run for their requests."""
    requests: list[str] = []
    app.before_request(lambda: requests.append("seen"))

    for path in (QUOTES, SOCKETIO):
        assert client.get(path).status_code in (426, 400)
    assert [] == requests

    client.get("/healthz")
    assert ["seen"] == requests
