"""Engine.IO v4 over sockets: the heartbeat and the end of a session."""

import time

import pytest
from websocket import ABNF

from tests.streaming.conformance.engine_client import SEPARATOR, EngineClient
from tests.streaming.conformance.server import QUICK_INTERVAL

# Heartbeat


def test_a_polling_session_is_pinged(lively: EngineClient) -> None:
    """At the ping interval; a client that answers goes on."""
    began = time.monotonic()
    session = lively.polling()
    for _ in range(2):
        assert (200, "2") == session.poll()[:2]
        assert time.monotonic() - began > QUICK_INTERVAL / 2
        began = time.monotonic()
        assert (200, "ok") == session.post("3")[:2]
    assert (200, "ok") == session.post("4hello")[:2]


def test_a_websocket_session_is_pinged(lively: EngineClient) -> None:
    """At the ping interval; a client that answers goes on."""
    began = time.monotonic()
    socket = lively.websocket()
    for _ in range(2):
        assert "2" == socket.receive()
        assert time.monotonic() - began > QUICK_INTERVAL / 2
        began = time.monotonic()
        socket.send("3")
    socket.send("4hello")
    assert "4hello" == socket.receive()


def test_a_session_without_polls_times_out(quick: EngineClient) -> None:
    """The session ends without any request."""
    session = quick.polling()

    assert "ping timeout" == quick.served.end_of(session.sid)
    assert session.is_over()


def test_a_polling_session_without_pongs_times_out(quick: EngineClient) -> None:
    """A waiting poll does not count as a pong, and ends with its session."""
    session, bodies = quick.polling(), []
    while (answer := session.poll()).status == 200:
        bodies.append(answer.body)

    # A late poll gets neither the ping nor the close packet any more.
    assert 400 == answer.status
    assert bodies in ([], ["2"], ["1"], ["2", "1"])
    assert "ping timeout" == quick.served.end_of(session.sid)
    assert session.is_over()


def test_a_silent_websocket_is_closed(quick: EngineClient) -> None:
    """It is pinged a single time, and then its connection is closed."""
    socket = quick.websocket()

    assert ["2"] == socket.rest()
    assert "ping timeout" == quick.served.end_of(socket.sid)


# The end


def test_a_polling_client_closes(engine: EngineClient) -> None:
    """Its waiting poll is answered with a noop, and the session ends."""
    session = engine.polling()
    poll = session.begin_poll()

    answer = session.post(f"1{SEPARATOR}4too late")

    assert (200, "ok") == answer[:2]
    assert (200, "6") == poll.answer()[:2]
    assert session.is_over()
    assert "client disconnect" == engine.served.end_of(session.sid)
    assert "message" not in engine.served.events(session.sid)


def test_a_websocket_client_closes(engine: EngineClient) -> None:
    """The server ends the connection."""
    socket = engine.websocket()

    socket.send("1", "4too late")

    assert [] == socket.rest()
    assert "client disconnect" == engine.served.end_of(socket.sid)
    assert "message" not in engine.served.events(socket.sid)


@pytest.mark.parametrize("closes", [True, False])
def test_a_websocket_ends(engine: EngineClient, *, closes: bool) -> None:
    """With a WebSocket close frame or without, the session ends."""
    socket = engine.websocket()

    if closes:
        socket.send_frame(b"\x03\xe8", ABNF.OPCODE_CLOSE)
        assert [] == socket.rest()
    socket.close()

    assert "transport close" == engine.served.end_of(socket.sid)


def test_the_server_closes_a_polling_session(engine: EngineClient) -> None:
    """The waiting poll gets a close packet."""
    session = engine.polling()
    poll = session.begin_poll()

    session.post("4disconnect me")

    assert (200, "1") == poll.answer()[:2]
    assert session.is_over()
    assert "server disconnect" == engine.served.end_of(session.sid)


def test_the_server_closes_a_websocket(engine: EngineClient) -> None:
    """The connection ends."""
    socket = engine.websocket()

    socket.send("4disconnect me", "4too late")

    assert [] == socket.rest()
    assert "server disconnect" == engine.served.end_of(socket.sid)


def test_an_aborted_poll_ends_the_session(engine: EngineClient) -> None:
    """Its packets may be lost, so polling must not go on."""
    session = engine.polling()
    session.begin_poll().close()

    assert 400 == session.poll().status
    assert session.is_over()
    engine.served.end_of(session.sid)
