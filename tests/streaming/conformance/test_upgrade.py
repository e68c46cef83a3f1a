"""Engine.IO v4 over sockets: upgrading a session from polling to a WebSocket."""

import pytest

from tests.processes import wait_for
from tests.streaming.conformance.engine_client import EngineClient, Polling, Socket
from tests.streaming.conformance.test_engine_io import BAD, POLLING, WEBSOCKET, assert_refused


def assert_goes_on(session: Polling) -> None:
    """Check that the session polls as before."""
    assert (200, "ok") == session.post("4still here")[:2]
    assert (200, "4still here") == session.poll()[:2]


def assert_echoes(socket: Socket, text: str = "4hello") -> None:
    """Check that the WebSocket echoes a message."""
    socket.send(text)
    assert text == socket.receive()


def test_a_session_is_upgraded(engine: EngineClient) -> None:
    """After probe and upgrade all packets go over the WebSocket."""
    session = engine.polling()

    socket = engine.upgrade(session)

    assert_echoes(socket)
    assert_echoes(socket, "4again")
    assert ["connect", "message", "message"] == engine.served.events(session.sid)


def test_a_waiting_poll_ends_with_the_probe(engine: EngineClient) -> None:
    """It gets a noop, so that the client can pause polling."""
    session = engine.polling()
    poll = session.begin_poll()
    socket = engine.probe(session)

    socket.send("2probe")

    assert "3probe" == socket.receive()
    assert (200, "6") == poll.answer()[:2]
    socket.send("5")
    assert_echoes(socket)


def test_a_poll_after_the_probe_ends_immediately(engine: EngineClient) -> None:
    """It gets a noop, too."""
    session = engine.polling()
    socket = engine.probe(session)
    socket.send("2probe")
    assert "3probe" == socket.receive()

    answer = session.poll()

    assert (200, "6") == answer[:2]
    socket.send("5")
    assert_echoes(socket)


def test_no_message_is_lost_during_an_upgrade(engine: EngineClient) -> None:
    """Packets that wait for a poll are sent on the WebSocket, in order, before newer ones."""
    session = engine.polling()
    session.post("4before")
    socket = engine.probe(session)
    socket.send("2probe")
    assert "3probe" == socket.receive()
    session.post("4between\x1ebAQIDBA==")

    socket.send("5", "4after")

    received = [socket.receive() for _ in range(4)]
    assert ["4before", "4between", b"\x01\x02\x03\x04", "4after"] == received


def test_requests_after_the_upgrade_are_refused(engine: EngineClient) -> None:
    """Polling has ended for this session, the WebSocket has not."""
    session = engine.polling()
    socket = engine.upgrade(session)
    assert_echoes(socket)

    answers = [session.poll(), session.post("4by post")]

    for answer in answers:
        assert_refused(answer, BAD)
    assert_echoes(socket)


def test_requests_on_a_websocket_session_are_refused(engine: EngineClient) -> None:
    """A session that began on a WebSocket never polls."""
    socket = engine.websocket()

    answer = engine.request("GET", f"{POLLING}&sid={socket.sid}")

    assert_refused(answer, BAD)
    assert_echoes(socket)


@pytest.mark.parametrize("upgraded", [True, False])
def test_a_second_websocket_is_refused(engine: EngineClient, *, upgraded: bool) -> None:
    """The session's WebSocket is not affected."""
    if upgraded:
        session = engine.polling()
        socket, sid = engine.upgrade(session), session.sid
        assert_echoes(socket)
    else:
        socket = engine.websocket()
        sid = socket.sid

    assert engine.is_turned_away(f"{WEBSOCKET}&sid={sid}")
    assert_echoes(socket)


def test_a_second_probe_is_refused(engine: EngineClient) -> None:
    """Only one WebSocket probes at a time, and it is still upgraded."""
    session = engine.polling()
    socket = engine.probe(session)
    socket.send("2probe")
    assert "3probe" == socket.receive()

    assert engine.is_turned_away(f"{WEBSOCKET}&sid={session.sid}")
    socket.send("5")
    assert_echoes(socket)


@pytest.mark.parametrize(
    "first", ["4hello", "5", "2", "2prob", "2probes", "3probe", "abc", "", b"x"]
)
def test_an_invalid_probe_fails(engine: EngineClient, first: str | bytes) -> None:
    """The WebSocket is closed, the session goes on polling, and may be upgraded later."""
    session = engine.polling()
    socket = engine.probe(session)

    socket.send(first)

    assert [] == socket.rest()
    assert_goes_on(session)
    assert_echoes(engine.upgrade(session))


@pytest.mark.parametrize("second", ["4hello", "2probe", "6", "5x", "abc", b"x"])
def test_an_invalid_upgrade_fails(engine: EngineClient, second: str | bytes) -> None:
    """After the probe only the upgrade packet is accepted; the session goes on polling."""
    session = engine.polling()
    socket = engine.probe(session)
    socket.send("2probe")
    assert "3probe" == socket.receive()

    socket.send(second)

    assert [] == socket.rest()
    assert_goes_on(session)
    assert_echoes(engine.upgrade(session))


@pytest.mark.parametrize("probed", [True, False])
def test_a_disconnected_probe_leaves_the_session(engine: EngineClient, *, probed: bool) -> None:
    """The session goes on polling, and another WebSocket may probe."""
    session = engine.polling()
    socket = engine.probe(session)
    if probed:
        socket.send("2probe")
        assert "3probe" == socket.receive()

    socket.close()

    wait_for(lambda: session.post("4x").status == 200 and session.poll().body != "6", 5, "its end")
    assert_goes_on(session)
    assert_echoes(engine.upgrade(session))


def test_a_session_may_end_while_it_is_upgraded(engine: EngineClient) -> None:
    """The probing WebSocket is closed as well."""
    session = engine.polling()
    socket = engine.probe(session)
    socket.send("2probe")
    assert "3probe" == socket.receive()

    assert (200, "ok") == session.post("1")[:2]

    socket.send("5")
    assert [] == socket.rest()
    assert "client disconnect" == engine.served.end_of(session.sid)
    wait_for(session.is_over, 5, "the end of polling")


def test_a_stalled_upgrade_does_not_outlive_its_session(quick: EngineClient) -> None:
    """A WebSocket that never probes is closed when its session times out."""
    session = quick.polling()
    socket = quick.probe(session)

    assert "ping timeout" == quick.served.end_of(session.sid)
    assert [] == socket.rest()


def test_pings_go_on_after_the_upgrade(lively: EngineClient) -> None:
    """The heartbeat continues on the WebSocket."""
    session = lively.polling()
    socket = lively.upgrade(session)

    for _ in range(2):
        assert "2" == socket.receive()
        socket.send("3")
