"""A session of Engine.IO: sending and receiving on both transports, and every end.

Long for a reason: a session is polled, upgraded, flooded, abandoned and closed from both sides.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.engine_session import EngineSession, Transport
from tests.processes import wait_for
from tests.streaming.raw_client import BINARY, CLOSE, TEXT, Frame, RawClient, frame, text
from tests.streaming.recording_host import LONG, RecordingHost, State, end_of, in_background, soon

Plug = Callable[..., RawClient]


@pytest.fixture
def plug() -> Iterator[Plug]:
    """Connects a session to a WebSocket; the client's end."""
    with ExitStack() as stack:

        def connect(
            host: RecordingHost, session: EngineSession, probe_by: float | None = None
        ) -> RawClient:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            connection = WebSocketConnection(ours, host.reactor, ConnectionLimits(closing=0.05))
            if probe_by is None or session.begin_upgrade(connection):
                connection.start(Transport(session, connection, host.reactor, probe_by), b"")
            else:
                theirs.close()
                ours.close()
            return stack.enter_context(RawClient(theirs))

        yield connect


# Polling


def test_waiting_packets_are_polled_in_order() -> None:
    """A poll takes all of them, and none twice."""
    session = EngineSession(RecordingHost(), "sid")
    for packet in ("4a", b"b", "4c"):
        session.send(packet)

    assert ["4a", b"b", "4c"] == session.poll()
    assert [] == session.take_waiting()


def test_a_poll_waits_for_a_packet() -> None:
    """It is answered as soon as there is one."""
    session = EngineSession(RecordingHost(), "sid")
    polled = in_background(session.poll)
    time.sleep(0.05)
    assert [] == polled
    session.send("4a")

    wait_for(lambda: polled == [["4a"]], 5)


def test_two_polls_end_the_session() -> None:
    """Both polls are answered, and no further poll is accepted."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    first = in_background(session.poll)
    wait_for(lambda: session._poll is not None, 5)

    assert session.poll() is None
    wait_for(lambda: first == [["1"]], 5)
    assert session.poll() is None
    assert "transport error" == end_of(host)


def test_one_post_at_a_time() -> None:
    """A second one is refused; after the end of the first the next is accepted."""
    session = EngineSession(RecordingHost(), "sid")

    assert [True, False] == [session.begin_post(), session.begin_post()]
    assert session.end_post(["4a"])
    assert session.begin_post()


def test_a_session_that_is_not_polled_has_bounded_memory() -> None:
    """Beyond the limit the session ends; the client reconnects and resumes by number."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    for number in range(2000):
        session.send(f"4{number}")
        assert len(session._waiting) <= 512
    wait_for(lambda: session.closed, 5)

    assert host.counters["events_dropped"] > 0


def test_one_batch_of_state_waits_for_a_poll() -> None:
    """Later changes are sent as the newest state after that poll."""
    session, wanted = EngineSession(RecordingHost(), "sid"), list[bool]()
    session.on_ready(lambda: wanted.append(session.try_send(State())))

    assert [True, False, False] == [session.try_send(State()) for _ in range(3)]
    assert ["4a", "4b"] == session.poll()
    assert [] == wanted
    assert ["4a", "4b"] == session.poll()
    assert [True] == wanted


# Messages of the client


def test_messages_are_handled_one_after_the_other() -> None:
    """In the order of arrival with any number of threads; the disconnect comes last."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    for number in range(200):
        session.handle(f"4{number}")
    session.handle(b"bytes")
    session.handle("1")
    session.handle("4too late")

    assert "client disconnect" == end_of(host)
    messages = [message for message in host.events if isinstance(message, str | bytes)]
    assert [*[str(number) for number in range(200)], b"bytes"] == messages


def test_a_flood_waits_in_the_kernel(plug: Plug) -> None:
    """A client that sends faster than its messages are handled is not read; nothing is lost."""
    host = RecordingHost()
    host.may_handle.clear()
    session = EngineSession(host, "sid")
    client = plug(host, session)
    client.sock.settimeout(0.3)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 50_000:
            client.send(text("4" + "x" * 500))
            sent += 1
    held = len(session._inbox)
    host.may_handle.set()
    wait_for(lambda: len(host.events) >= sent, 20)

    assert sent < 50_000
    assert held < 1000


class Slow:
    """A connection whose `pause` blocks until all messages are handled."""

    deflates = False

    def __init__(self, host: RecordingHost) -> None:
        self.host = host
        self.paused = False
        self.resumed = threading.Event()

    def pause(self, paused: bool) -> None:
        if paused:
            self.host.may_handle.set()
            self.resumed.wait(0.5)
        else:
            self.resumed.set()
        self.paused = paused

    def close(self) -> None:
        pass


def test_a_paused_client_is_resumed() -> None:
    """Also if its messages are handled before the pause takes effect."""
    host = RecordingHost()
    host.may_handle.clear()
    session, slow = EngineSession(host, "sid"), Slow(host)
    session.attach(slow)
    for number in range(40):
        session.handle(f"4{number}")
    wait_for(lambda: len(host.events) == 40, 10)

    wait_for(lambda: not slow.paused, 2, "reading to go on")


@pytest.mark.parametrize("packet", ["", "0", "2", "9", "x"])
def test_an_invalid_packet_ends_the_session(plug: Plug, packet: str) -> None:
    """It is counted as a bad packet."""
    host = RecordingHost()
    client = plug(host, EngineSession(host, "sid"))
    client.send(text(packet))

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    assert "transport error" == end_of(host)
    assert 1 == host.counters["bad_packets"]


# The heartbeat


def test_a_missing_pong_ends_the_session() -> None:
    """A ping follows the interval; without a pong the session ends after the timeout."""
    host = RecordingHost()
    session = EngineSession(host, "sid")

    session.tick(soon(LONG))
    assert ["2"] == session.poll()
    session.tick(soon(2 * LONG))
    assert ["1"] == session.poll()
    assert "ping timeout" == end_of(host)
    assert 1 == host.counters["ping_timeouts"]


def test_pongs_keep_the_session(plug: Plug) -> None:
    """On any number of pings."""
    host = RecordingHost(interval=0.1)
    client = plug(host, EngineSession(host, "sid"))
    for _ in range(3):
        assert Frame(TEXT, b"2") == client.read()
        client.send(text("3"))

    assert [] == host.events


def test_a_half_open_peer_is_disconnected(plug: Plug) -> None:
    """A peer that reads everything but sends nothing is disconnected, too."""
    host = RecordingHost(interval=0.1, timeout=0.1)
    client = plug(host, EngineSession(host, "sid"))

    assert [TEXT, CLOSE] == [frame.opcode for frame in client.frames()]
    assert "ping timeout" == end_of(host)
    wait_for(lambda: host.reactor.connections() == 0, 5)


# Claiming


def test_an_unclaimed_session_ends() -> None:
    """After the claim timeout, whether or not it answers pings."""
    host = RecordingHost()
    EngineSession(host, "sid", claim_within=0.1)

    assert "server disconnect" == end_of(host)
    assert 1 == host.counters["unclaimed"]


def test_a_session_whose_message_waits_is_not_ended() -> None:
    """A server that is behind gives it more time, but not for ever."""
    host = RecordingHost(interval=10 * LONG)
    host.may_handle.clear()
    session = EngineSession(host, "sid", claim_within=LONG)
    session.handle("40")
    now = soon(LONG)
    looks = 0
    while not session.closed and (due := session.tick(now)) is not None:
        assert due > now
        looks, now = looks + 1, due
    host.may_handle.set()

    assert "server disconnect" == end_of(host)
    assert 60 == looks


def test_a_claimed_session_stays_until_it_is_released() -> None:
    """After the release it must be claimed again in time."""
    host = RecordingHost()
    session = EngineSession(host, "sid", claim_within=LONG)
    session.claim(True)
    session.tick(soon(LONG))
    assert [] == host.events
    session.claim(False, within=0.1)

    assert "server disconnect" == end_of(host)


# Over a WebSocket


def test_text_and_bytes_over_a_websocket(plug: Plug) -> None:
    """Events are framed by type; state is sent as its prepared frames."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    client = plug(host, session)
    session.send("4é")
    session.send(b"\x00")
    session.send("4x", frame=b"\x81\x01y")

    assert session.try_send(State())
    assert [
        Frame(TEXT, "4é".encode()),
        Frame(BINARY, b"\x00"),
        Frame(TEXT, b"y"),
        Frame(TEXT, b"4a"),
        Frame(TEXT, b"4b"),
    ] == [client.read() for _ in range(5)]


def test_the_end_of_the_connection_ends_the_session(plug: Plug) -> None:
    """Messages received before are handled first."""
    host = RecordingHost()
    client = plug(host, EngineSession(host, "sid"))
    client.send(text("4last"))
    client.sock.close()

    assert "transport close" == end_of(host)
    assert "last" in host.events


def test_closing_twice_closes_one_time(plug: Plug) -> None:
    """Client and host are notified a single time."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    client = plug(host, session)
    session.close()
    session.close("another reason")

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    assert "server disconnect" == end_of(host)
    assert not session.begin_upgrade(None)
    session.send("4too late")
    assert session.try_send(State())


# From polling to a WebSocket


def test_an_upgrade(plug: Plug) -> None:
    """The probe is answered, the poll ends, and waiting packets come first on the WebSocket."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    polled = in_background(session.poll)
    wait_for(lambda: session._poll is not None, 5)
    client = plug(host, session, probe_by=soon(5))
    client.send(text("2probe"))
    assert Frame(TEXT, b"3probe") == client.read()
    wait_for(lambda: polled == [["6"]], 5)
    session.send("4waited")
    assert not session.try_send(State())
    client.send(text("5"))
    assert Frame(TEXT, b"4waited") == client.read()
    session.send("4after")
    client.send(text("4hello"))

    assert Frame(TEXT, b"4after") == client.read()
    wait_for(lambda: host.events == ["hello"], 5)


def test_a_stalled_upgrade_is_ended(plug: Plug) -> None:
    """Without a probe in time the WebSocket is closed, and polling goes on."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    client = plug(host, session, probe_by=soon(0.1))

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    wait_for(lambda: host.reactor.connections() == 0, 5)
    session.send("4a")
    assert ["4a"] == session.poll()
    assert [] == host.events


@pytest.mark.parametrize("packets", [["2"], ["5"], ["4a"], ["2probe", "2probe"], ["2probe", "4a"]])
def test_an_invalid_upgrade_is_closed(plug: Plug, packets: list[str]) -> None:
    """The session is not affected."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    client = plug(host, session, probe_by=soon(5))
    client.send(*[text(packet) for packet in packets])

    assert CLOSE == [frame.opcode for frame in client.frames()][-1]
    session.send("4b")
    assert ["4b"] == session.poll()
    assert [] == host.events


def test_one_upgrade_at_a_time(plug: Plug) -> None:
    """A second WebSocket is refused and does not disturb the first."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    client = plug(host, session, probe_by=soon(5))
    assert not session.begin_upgrade(None)
    client.send(text("2probe"), text("5"))
    wait_for(lambda: session.upgraded, 5)

    assert not session.begin_upgrade(None)


def test_an_end_in_the_middle_of_an_upgrade(plug: Plug) -> None:
    """The WebSocket that was being upgraded to is closed with its session."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    client = plug(host, session, probe_by=soon(60))
    client.send(text("2probe"))
    client.read()
    session.close()

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    wait_for(lambda: host.reactor.connections() == 0, 5)


def test_only_long_packets_are_compressed() -> None:
    """Short packets and bytes are not compressed."""
    session = EngineSession(RecordingHost(), "sid")
    long = "4" + "a" * 200

    assert frame(TEXT, b"4a", masked=False) == session.frame_of("4a", deflates=True)
    assert len(session.frame_of(long, deflates=True)) < 50
    assert len(long) < len(session.frame_of(long, deflates=False))
    assert b"a" * 200 in session.frame_of(b"a" * 200, deflates=True)


def test_a_pong_schedules_the_next_ping() -> None:
    """Also if the ping timeout is longer than the ping interval."""
    host = RecordingHost(interval=0.1, timeout=LONG)
    session = EngineSession(host, "sid")
    wait_for(lambda: session.take_waiting() == ["2"], 5, "a ping")

    session.handle("3")

    wait_for(lambda: session.take_waiting() == ["2"], 5, "the next ping")


def test_messages_of_a_disconnected_client_are_dropped(plug: Plug) -> None:
    """Queued messages are not handled after the server has disconnected the client."""
    host = RecordingHost()
    session = EngineSession(host, "sid")
    host.may_handle.clear()
    for message in ("4first", "4second", "4third"):
        session.handle(message)
    session.close()
    host.may_handle.set()

    assert "server disconnect" == end_of(host)
    assert not {"second", "third"} & {event for event in host.events if isinstance(event, str)}


def test_a_session_that_ended_keeps_no_connection(plug: Plug) -> None:
    """It ended between its request and its WebSocket."""
    session = EngineSession(RecordingHost(), "sid")
    session.close()

    client = plug(session._host, session)

    wait_for(client.is_ended, 5, "the end of the connection")


def test_state_does_not_count_as_events() -> None:
    """However many symbols a polling page subscribes to, the answer still fits in the queue."""
    session, many = EngineSession(RecordingHost(), "sid"), State()
    many.packets = ("4a",) * 2000

    assert session.try_send(many, asked=True)
    session.send("4answer")

    assert ["4a", "4answer"] == (session.poll() or [])[-2:]
    assert not session.closed
