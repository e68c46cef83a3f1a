"""The Engine.IO server as a WSGI app: its answers, refusals and sessions.

The protocol itself is tested over sockets, in `tests/streaming/conformance/`.
"""

import gzip
import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from engineio import packet as engine_packets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.engine import EngineServer
from omcrm.streaming.engine_session import Transport
from tests.processes import wait_for
from tests.streaming.raw_client import TEXT, Frame, RawClient
from tests.streaming.wsgi_client import OPEN, Ask, open_session, wsgi_client

UPGRADE = {
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
}


def make(**options: Any) -> EngineServer:
    """A server like the app's, which records messages and disconnects in `handled`."""
    server = EngineServer(async_mode="threading", cors_allowed_origins=[], **options)
    server.handled = []
    server.on("connect", lambda sid, environ: "refuse" not in environ["QUERY_STRING"])
    server.on("message", lambda sid, data: server.handled.append(data))
    server.on("disconnect", lambda sid, reason: server.handled.append(reason))
    return server


@pytest.fixture
def server() -> Iterator[EngineServer]:
    """A server with small limits."""
    made = make(max_http_buffer_size=1000, claim_within=60)
    yield made
    made.disconnect()


@pytest.fixture
def ask(server: EngineServer) -> Ask:
    """Sends requests to the server."""
    return wsgi_client(server)


def test_the_open_packet(server: EngineServer, ask: Ask) -> None:
    """It follows the specification, with this server's times and limits."""
    answer = ask()
    parameters = json.loads(answer.body[1:])

    assert (200, b"0") == (answer.status, answer.body[:1])
    assert "text/plain; charset=UTF-8" == answer.headers["Content-Type"]
    assert str(len(answer.body)) == answer.headers["Content-Length"]
    assert [*server.sockets] == [parameters.pop("sid")]
    assert {
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": 1000,
    } == parameters


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (0, "Transport unknown")),
        ("EIO=4&transport=carrier-pigeon", (0, "Transport unknown")),
        ("EIO=4&transport=polling&j=0", (0, "Transport unknown")),
        ("EIO=3&transport=polling", (5, "Unsupported protocol version")),
        ("transport=polling", (5, "Unsupported protocol version")),
        ("EIO=4&EIO=4&transport=polling", (5, "Unsupported protocol version")),
        ("EIO=4&transport=polling&sid=unknown", (1, "Session ID unknown")),
        ("EIO=4&transport=websocket", (3, "Bad request")),
    ],
)
def test_refusals(server: EngineServer, ask: Ask, query: str, refusal: tuple[int, str]) -> None:
    """Refusals have the protocol's codes and messages, and no session is kept."""
    answer = ask(query)

    assert (400, "application/json") == (answer.status, answer.headers["Content-Type"])
    assert refusal == answer.refusal
    assert {} == server.sockets


def test_methods(ask: Ask) -> None:
    """Only GET opens a session; OPTIONS is answered with nothing, other methods are refused."""
    assert (2, "Bad handshake method") == ask(OPEN, b"4a").refusal
    assert (2, "Bad handshake method") == ask(REQUEST_METHOD="DELETE").refusal
    assert 200 == ask(REQUEST_METHOD="OPTIONS").status


def test_a_refused_client_leaves_no_session(server: EngineServer, ask: Ask) -> None:
    """A connect handler that returns False gives 401, and the session is removed."""
    assert 401 == ask(OPEN + "&refuse").status
    assert {} == server.sockets


def test_a_foreign_origin_is_refused() -> None:
    """With a list of origins, others are refused; requests without an Origin are accepted."""
    ask = wsgi_client(
        EngineServer(async_mode="threading", cors_allowed_origins=["https://a.example"])
    )

    assert 403 == ask(HTTP_ORIGIN="https://b.example").status
    answer = ask(HTTP_ORIGIN="https://a.example")
    assert (200, "https://a.example") == (
        answer.status,
        answer.headers["Access-Control-Allow-Origin"],
    )
    assert 200 == ask().status


def test_messages_both_ways(server: EngineServer, ask: Ask) -> None:
    """Posted messages are handled, sent messages are polled."""
    query = open_session(ask)
    answer = ask(query, b"4hello\x1ebAAE=")
    wait_for(lambda: server.handled == ["hello", b"\x00\x01"], 5)
    server.send(query.rpartition("=")[2], "back")

    assert (200, b"ok") == (answer.status, answer.body)
    assert b"4back" == ask(query).body


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (b"4" + b"a" * 1000, {}, 413),
        (b"4a", {"CONTENT_LENGTH": "1000000000000"}, 413),
        (b"4a", {"CONTENT_LENGTH": "9" * 5000}, 400),
        (b"4a", {"CONTENT_LENGTH": "-1"}, 400),
        (b"4a", {"CONTENT_LENGTH": ""}, 400),
        (b"4a", {"CONTENT_LENGTH": "3"}, 400),
        (b"abc", {}, 400),
        (b"", {}, 400),
        (b"\x1e".join([b"4"] * 17), {}, 400),
    ],
)
def test_a_bad_post_ends_the_session(
    server: EngineServer, ask: Ask, body: bytes, more: dict[str, str], status: int
) -> None:
    """It is refused, none of its packets is handled, and the session is removed."""
    query = open_session(ask)

    assert status == ask(query, body, **more).status
    wait_for(lambda: server.handled == ["transport error"], 5)
    assert {} == server.sockets
    assert 400 == ask(query).status


def test_a_body_that_breaks_off_ends_the_session(server: EngineServer, ask: Ask) -> None:
    """The client disconnects in the middle of its request."""

    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise ConnectionResetError

    query = open_session(ask)

    assert 400 == ask(query, b"4a", **{"wsgi.input": Broken()}).status
    assert {} == server.sockets


def test_closing_over_polling(server: EngineServer, ask: Ask) -> None:
    """A poll sent before the close packet arrived is still answered."""
    query = open_session(ask)

    assert b"ok" == ask(query, b"1").body
    assert b"6" == ask(query).body
    wait_for(lambda: server.handled == ["client disconnect"], 5)
    wait_for(lambda: not server._lingering, 5)
    assert (1, "Session ID unknown") == ask(query).refusal


def test_long_answers_are_compressed(server: EngineServer, ask: Ask) -> None:
    """For clients that accept gzip."""
    query = open_session(ask)
    sid = query.rpartition("=")[2]
    server.send(sid, "a" * 5000)
    packed = ask(query, HTTP_ACCEPT_ENCODING="br, gzip;q=1")
    server.send(sid, "a" * 5000)
    plain = ask(query)

    assert "gzip" == packed.headers["Content-Encoding"]
    assert b"4" + b"a" * 5000 == gzip.decompress(packed.body) == plain.body


def test_a_cookie_is_set_if_configured() -> None:
    """Its value is the session's id."""
    server = make(cookie="io")
    answer = wsgi_client(server)()

    assert f"io={next(iter(server.sockets))}" == answer.headers["Set-Cookie"].split(";")[0]
    server.disconnect()


def test_no_websocket_from_an_unknown_server(server: EngineServer, ask: Ask) -> None:
    """The answer is 501 in HTTP and no session stays; a polling session goes on."""
    assert 501 == ask("EIO=4&transport=websocket", **UPGRADE).status
    assert {} == server.sockets
    query = open_session(ask)
    assert 501 == ask(query.replace("polling", "websocket"), **UPGRADE).status
    assert 1 == len(server.sockets)
    assert b"ok" == ask(query, b"3").body


def test_bad_handshakes_are_refused_in_http(server: EngineServer, ask: Ask) -> None:
    """No session is opened."""
    for name, value in {
        "HTTP_SEC_WEBSOCKET_KEY": "short",
        "HTTP_SEC_WEBSOCKET_VERSION": "8",
        "HTTP_CONNECTION": "close",
    }.items():
        answer = ask("EIO=4&transport=websocket", **{**UPGRADE, name: value})
        assert 400 <= answer.status < 500
    assert {} == server.sockets


def test_a_packet_for_many_is_framed_one_time(server: EngineServer, ask: Ask) -> None:
    """All clients get the same bytes, whichever transport they use."""
    peers = []
    for _ in range(2):
        session = server.sockets[open_session(ask).rpartition("=")[2]]
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        connection = WebSocketConnection(ours, server.reactor, ConnectionLimits())
        connection.start(Transport(session, connection, server.reactor, None), b"")
        peers.append(RawClient(theirs))
    polled = open_session(ask)
    packet = engine_packets.Packet(engine_packets.MESSAGE, "price")
    frames = []
    for sid in server.sockets:
        server.send_packet(sid, packet)
        frames.append(packet.frame)

    assert all(frame is frames[0] for frame in frames)
    for peer in peers:
        assert Frame(TEXT, b"4price") == peer.read()
        peer.sock.close()
    assert b"4price" == ask(polled).body
    server.send_packet("unknown", packet)


def test_disconnecting_all_sessions(server: EngineServer, ask: Ask) -> None:
    """Each client is disconnected, and the handler is called for each."""
    queries = [open_session(ask) for _ in range(3)]
    server.disconnect()
    wait_for(lambda: server.handled == ["server disconnect"] * 3, 5)

    assert [400] * 3 == [ask(query).status for query in queries]
    server.disconnect("unknown")


@given(
    query=st.lists(
        st.sampled_from(
            [
                "EIO=4",
                "EIO=",
                "transport=polling",
                "transport=websocket",
                "sid=x",
                "sid=",
                "j=1",
                "%",
            ]
        )
        | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=9),
        max_size=5,
    ).map("&".join),
    method=st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "HEAD"]),
    headers=st.dictionaries(
        st.sampled_from([*UPGRADE, "HTTP_ORIGIN", "HTTP_SEC_WEBSOCKET_EXTENSIONS"]),
        st.sampled_from(["Upgrade", "websocket", "13"])
        | st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30),
    ),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_is_answered(
    caplog: pytest.LogCaptureFixture, query: str, method: str, headers: dict[str, str]
) -> None:
    """No request raises an error or writes to the log."""
    server = make(claim_within=60)
    answer = wsgi_client(server)(query, REQUEST_METHOD=method, **headers)
    server.disconnect()

    assert answer.status in (200, 400, 401, 403, 405, 426, 501)
    assert b"Traceback" not in answer.body
    assert [] == caplog.messages
