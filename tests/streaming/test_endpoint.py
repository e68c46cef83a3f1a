"""The handshake at the WSGI level; `test_rfc6455.py` tests it over sockets."""

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omcrm.streaming import endpoint
from omcrm.streaming.connection import ConnectionLimits
from omcrm.streaming.detach import NotDetachable
from omcrm.streaming.endpoint import HandshakeAnswer, accept, negotiate, refuse
from omcrm.streaming.frame import WINDOW_BITS
from omcrm.streaming.reactor import Reactor


def environ(**more: str | None) -> dict[str, Any]:
    """The example of RFC 6455 §1.2; None removes a header."""
    headers = {
        "REQUEST_METHOD": "GET",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "PATH_INFO": "/chat",
        "HTTP_HOST": "server.example.com",
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "keep-alive, Upgrade",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        **more,
    }
    return {key: value for key, value in headers.items() if value is not None}


def headers_of(**more: str | None) -> dict[str, str]:
    handshake = negotiate(environ(**more), compression=True)
    assert handshake.accepted
    return dict(handshake.response.headers.raw_items())


def test_the_example_of_the_standard() -> None:
    """The answer is the standard's; the server's protocol version does not matter."""
    handshake = negotiate(environ(), compression=False)
    head = handshake.response.serialize().decode()

    assert handshake.accepted
    assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert "Extensions" not in head
    assert [] == list(handshake.extensions)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("REQUEST_METHOD", "POST", 405),
        ("HTTP_UPGRADE", None, 426),
        ("HTTP_UPGRADE", "h2c", 426),
        ("HTTP_UPGRADE", "websocket, h2c", 426),
        ("HTTP_CONNECTION", None, 426),
        ("HTTP_CONNECTION", "close", 426),
        ("HTTP_CONNECTION", "\x00", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", None, 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "c2hvcnQ=", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "no base 64 !", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "é" * 22 + "==", 400),
        ("HTTP_SEC_WEBSOCKET_VERSION", None, 400),
        ("HTTP_SEC_WEBSOCKET_VERSION", "8", 400),
        ("HTTP_SEC_WEBSOCKET_VERSION", "13, 8", 400),
    ],
)
def test_invalid_handshakes_are_refused(name: str, value: str | None, status: int) -> None:
    """Every requirement of the standard is checked."""
    handshake = negotiate(environ(**{name: value}), compression=True)

    assert not handshake.accepted
    assert status == handshake.response.status_code


def test_a_refusal_in_http() -> None:
    """The status and a sentence, without hop-by-hop headers."""
    head: list[Any] = []
    response = negotiate(environ(HTTP_UPGRADE=None), compression=True).response
    body = b"".join(refuse(response, lambda *values: head.extend(values)))
    headers = {name.lower(): value for name, value in head[1]}

    assert "426 Upgrade Required" == head[0]
    assert str(len(body)) == headers["content-length"]
    assert "connection" not in headers
    assert b"WebSocket" in body


@pytest.mark.parametrize(
    "extension",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=15; client_max_window_bits=12",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "x-webkit-deflate-frame, permessage-deflate",
    ],
)
def test_compression_is_agreed(extension: str) -> None:
    """The offers of all browsers are accepted; each message is compressed on its own."""
    answer = headers_of(HTTP_SEC_WEBSOCKET_EXTENSIONS=extension)["Sec-WebSocket-Extensions"]
    parameters = {parameter.strip() for parameter in answer.split(";")}

    assert {
        "permessage-deflate",
        "server_no_context_takeover",
        "client_no_context_takeover",
        f"server_max_window_bits={WINDOW_BITS}",
    } <= parameters


@pytest.mark.parametrize(
    "extension",
    [
        None,
        "x-webkit-deflate-frame",
        f"permessage-deflate; server_max_window_bits={WINDOW_BITS - 1}",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; unknown=1",
    ],
)
def test_compression_is_declined(extension: str | None) -> None:
    """Declined if the client could not read the shared compressed frames, or offers nonsense."""
    assert "Sec-WebSocket-Extensions" not in headers_of(HTTP_SEC_WEBSOCKET_EXTENSIONS=extension)


def test_compression_can_be_disabled() -> None:
    """With the setting off, no extension is negotiated."""
    extension = environ(HTTP_SEC_WEBSOCKET_EXTENSIONS="permessage-deflate")
    handshake = negotiate(extension, compression=False)

    assert handshake.accepted
    assert "Sec-WebSocket-Extensions" not in handshake.response.headers


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "HTTP_UPGRADE",
                "HTTP_CONNECTION",
                "HTTP_SEC_WEBSOCKET_KEY",
                "HTTP_SEC_WEBSOCKET_VERSION",
                "HTTP_SEC_WEBSOCKET_EXTENSIONS",
                "HTTP_SEC_WEBSOCKET_PROTOCOL",
                "HTTP_ORIGIN",
            ]
        ),
        st.text(st.characters(max_codepoint=255), max_size=40)
        | st.text('permssage-dlt;=,"\\ 1589', max_size=40),
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_headers_are_answered(caplog: pytest.LogCaptureFixture, more: dict[str, str]) -> None:
    """No headers raise an error or write to the log."""
    caplog.set_level(logging.INFO)
    handshake = negotiate(environ(**more), compression=True)

    assert handshake.response.status_code in (101, 400, 403, 405, 426)
    assert [] == caplog.messages


@given(
    key=st.sampled_from(
        ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25j", "", "é"]
    ),
    upgrade=st.sampled_from(["websocket", "WebSocket", "h2c", None]),
    connection=st.sampled_from(["Upgrade", "keep-alive, Upgrade", "upgrade", "close", None]),
    number=st.sampled_from(["13", "8", None]),
    method=st.sampled_from(["GET", "POST"]),
    extension=st.sampled_from(["permessage-deflate", "permessage-deflate; unknown=1", None]),
    subprotocol=st.sampled_from(["chat", "", None]),
    compression=st.booleans(),
)
def test_usual_handshakes_are_answered_as_by_the_library(
    key: str,
    upgrade: str | None,
    connection: str | None,
    number: str | None,
    method: str,
    extension: str | None,
    subprotocol: str | None,
    compression: bool,
) -> None:
    """They take a shorter way, with the same status and headers."""
    given = environ(
        REQUEST_METHOD=method,
        HTTP_UPGRADE=upgrade,
        HTTP_CONNECTION=connection,
        HTTP_SEC_WEBSOCKET_KEY=key,
        HTTP_SEC_WEBSOCKET_VERSION=number,
        HTTP_SEC_WEBSOCKET_EXTENSIONS=extension,
        HTTP_SEC_WEBSOCKET_PROTOCOL=subprotocol,
    )
    quick = negotiate(given, compression)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint, "_answer_usual", lambda *_: None)
        slow = negotiate(given, compression)

    assert shown(slow) == shown(quick)


def shown(handshake: HandshakeAnswer) -> tuple[Any, ...]:
    """Everything of an answer but its time."""
    headers = [item for item in handshake.response.headers.raw_items() if item[0] != "Date"]
    extensions = [extension.name for extension in handshake.extensions]
    return handshake.response.status_code, headers, extensions


def test_an_unknown_server_gets_no_websocket() -> None:
    """Where the connection cannot be detached nothing is opened."""
    reactor = Reactor()

    with pytest.raises(NotDetachable):
        accept(environ(), negotiate(environ(), compression=True), reactor, ConnectionLimits())
    assert None is reactor._epoll
