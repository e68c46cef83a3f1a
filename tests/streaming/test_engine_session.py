"""A session of Engine.IO: what leaves and arrives on which transport, and every end.

Long for a reason: a session is polled, upgraded, flooded, forgotten and closed from both sides.
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
from tests.streaming.behind import LONG, Desk, State, end_of, in_background, soon
from tests.streaming.raw_client import BINARY, CLOSE, TEXT, Frame, RawClient, frame, text

Plug = Callable[..., RawClient]


@pytest.fixture
def plug() -> Iterator[Plug]:
    """Connects a session with a WebSocket; the client's end."""
    with ExitStack() as stack:

        def connect(
            pages: Desk, session: EngineSession, probe_by: float | None = None
        ) -> RawClient:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            connection = WebSocketConnection(ours, pages.reactor, ConnectionLimits(closing=0.05))
            if probe_by is None or session.begin_upgrade(connection):
                connection.start(Transport(session, connection, pages.reactor, probe_by), b"")
            else:
                theirs.close()
                ours.close()
            return stack.enter_context(RawClient(theirs))

        yield connect


# Polling


def test_what_waits_is_polled_in_its_order() -> None:
    """Everything at once, and nothing twice."""
    session = EngineSession(Desk(), "sid")
    for packet in ("4a", b"b", "4c"):
        session.send(packet)

    assert ["4a", b"b", "4c"] == session.poll()
    assert [] == session.take_waiting()


def test_a_poll_waits_for_something() -> None:
    """It is answered as soon as there is anything."""
    session = EngineSession(Desk(), "sid")
    polled = in_background(session.poll)
    time.sleep(0.05)
    assert [] == polled
    session.send("4a")

    wait_for(lambda: polled == [["4a"]], 5)


def test_two_polls_end_the_session() -> None:
    """Both are answered, and nobody may poll it any more."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    first = in_background(session.poll)
    wait_for(lambda: session._poll is not None, 5)

    assert session.poll() is None
    wait_for(lambda: first == [["1"]], 5)
    assert session.poll() is None
    assert "transport error" == end_of(pages)


def test_one_post_at_a_time() -> None:
    """A second one is told so; after the first one's end the next may come."""
    session = EngineSession(Desk(), "sid")

    assert [True, False] == [session.begin_post(), session.begin_post()]
    assert session.end_post(["4a"])
    assert session.begin_post()


def test_who_does_not_poll_costs_a_constant() -> None:
    """Beyond a bound the session ends: who comes again is told what it missed by number."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    for number in range(2000):
        session.send(f"4{number}")
        assert len(session._waiting) <= 512
    wait_for(lambda: session.closed, 5)

    assert pages.counters["events_dropped"] > 0


def test_state_waits_for_a_poll_once() -> None:
    """More of it is told by the newest, when the client has come for the first."""
    session, wanted = EngineSession(Desk(), "sid"), list[bool]()
    session.on_ready(lambda: wanted.append(session.try_send(State())))

    assert [True, False, False] == [session.try_send(State()) for _ in range(3)]
    assert ["4a", "4b"] == session.poll()
    assert [] == wanted
    assert ["4a", "4b"] == session.poll()
    assert [True] == wanted


# What the client says


def test_messages_are_handled_one_after_the_other() -> None:
    """However many threads there are, in the order in which they came, then the end."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    for number in range(200):
        session.take(f"4{number}")
    session.take(b"bytes")
    session.take("1")
    session.take("4too late")

    assert "client disconnect" == end_of(pages)
    messages = [message for message in pages.told if isinstance(message, str | bytes)]
    assert [*[str(number) for number in range(200)], b"bytes"] == messages


def test_a_flood_waits_in_the_kernel(plug: Plug) -> None:
    """Who says more than can be answered is not read until it can; nothing is lost."""
    pages = Desk()
    pages.validator.clear()
    session = EngineSession(pages, "sid")
    client = plug(pages, session)
    client.sock.settimeout(0.3)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 50_000:
            client.send(text("4" + "x" * 500))
            sent += 1
    held = len(session._inbox)
    pages.validator.set()
    wait_for(lambda: len(pages.told) >= sent, 20)

    assert sent < 50_000
    assert held < 1000


class Slow:
    """A connection's place: pausing takes so long that everything else has happened meanwhile."""

    deflates = False

    def __init__(self, pages: Desk) -> None:
        self.pages = pages
        self.paused = False
        self.resumed = threading.Event()

    def pause(self, paused: bool) -> None:
        if paused:
            self.pages.validator.set()
            self.resumed.wait(0.5)
        else:
            self.resumed.set()
        self.paused = paused

    def close(self) -> None:
        pass


def test_who_was_paused_is_resumed() -> None:
    """Also where the answers are quicker than the pause."""
    pages = Desk()
    pages.validator.clear()
    session, slow = EngineSession(pages, "sid"), Slow(pages)
    session.attach(slow)
    for number in range(40):
        session.take(f"4{number}")
    wait_for(lambda: len(pages.told) == 40, 10)

    wait_for(lambda: not slow.paused, 2, "reading to go on")


@pytest.mark.parametrize("packet", ["", "0", "2", "9", "x"])
def test_what_is_no_packet_ends_it(plug: Plug, packet: str) -> None:
    """And is counted."""
    pages = Desk()
    client = plug(pages, EngineSession(pages, "sid"))
    client.send(text(packet))

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    assert "transport error" == end_of(pages)
    assert 1 == pages.counters["bad_packets"]


# The heartbeat


def test_silence_ends_it() -> None:
    """A ping after the interval; without an answer the end after the timeout."""
    pages = Desk()
    session = EngineSession(pages, "sid")

    session.tick(soon(LONG))
    assert ["2"] == session.poll()
    session.tick(soon(2 * LONG))
    assert ["1"] == session.poll()
    assert "ping timeout" == end_of(pages)
    assert 1 == pages.counters["ping_timeouts"]


def test_answers_keep_it(plug: Plug) -> None:
    """As often as it is asked, over any transport."""
    pages = Desk(interval=0.1)
    client = plug(pages, EngineSession(pages, "sid"))
    for _ in range(3):
        assert Frame(TEXT, b"2") == client.read()
        client.send(text("3"))

    assert [] == pages.told


def test_a_half_open_peer_is_noticed(plug: Plug) -> None:
    """One that takes everything and says nothing loses its connection, too."""
    pages = Desk(interval=0.1, timeout=0.1)
    client = plug(pages, EngineSession(pages, "sid"))

    assert [TEXT, CLOSE] == [frame.opcode for frame in client.frames()]
    assert "ping timeout" == end_of(pages)
    wait_for(lambda: pages.reactor.connections() == 0, 5)


# Nobody wants it


def test_what_nobody_claims_ends() -> None:
    """After the time that was given; pings do not help."""
    pages = Desk()
    EngineSession(pages, "sid", claim_within=0.1)

    assert "server disconnect" == end_of(pages)
    assert 1 == pages.counters["unclaimed"]


def test_what_is_claimed_stays_until_it_is_given_up() -> None:
    """From then on somebody must claim it again in time."""
    pages = Desk()
    session = EngineSession(pages, "sid", claim_within=LONG)
    session.claim(True)
    session.tick(soon(LONG))
    assert [] == pages.told
    session.claim(False, within=0.1)

    assert "server disconnect" == end_of(pages)


# Over a WebSocket


def test_text_and_bytes_over_a_websocket(plug: Plug) -> None:
    """Events as they are, state as the bytes that were made for everybody."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    client = plug(pages, session)
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


def test_the_connections_end_is_the_sessions(plug: Plug) -> None:
    """Whatever was said before is handled first."""
    pages = Desk()
    client = plug(pages, EngineSession(pages, "sid"))
    client.send(text("4last"))
    client.sock.close()

    assert "transport close" == end_of(pages)
    assert "last" in pages.told


def test_closing_twice_is_once(plug: Plug) -> None:
    """The client hears of it, the server once."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    client = plug(pages, session)
    session.close()
    session.close("another reason")

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    assert "server disconnect" == end_of(pages)
    assert not session.begin_upgrade(None)
    session.send("4too late")
    assert session.try_send(State())


# From polling to a WebSocket


def test_an_upgrade(plug: Plug) -> None:
    """The probe is answered, the poll let go, and what waited comes first on the new way."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    polled = in_background(session.poll)
    wait_for(lambda: session._poll is not None, 5)
    client = plug(pages, session, probe_by=soon(5))
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
    wait_for(lambda: pages.told == ["hello"], 5)


def test_a_stalled_upgrade_is_ended(plug: Plug) -> None:
    """Without a probe in time the WebSocket goes, and polling goes on."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    client = plug(pages, session, probe_by=soon(0.1))

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    wait_for(lambda: pages.reactor.connections() == 0, 5)
    session.send("4a")
    assert ["4a"] == session.poll()
    assert [] == pages.told


@pytest.mark.parametrize("said", [["2"], ["5"], ["4a"], ["2probe", "2probe"], ["2probe", "4a"]])
def test_what_is_no_upgrade_is_shown_out(plug: Plug, said: list[str]) -> None:
    """The session does not hear of it."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    client = plug(pages, session, probe_by=soon(5))
    client.send(*[text(packet) for packet in said])

    assert CLOSE == [frame.opcode for frame in client.frames()][-1]
    session.send("4b")
    assert ["4b"] == session.poll()
    assert [] == pages.told


def test_only_one_may_try(plug: Plug) -> None:
    """A second WebSocket does not disturb the first."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    client = plug(pages, session, probe_by=soon(5))
    assert not session.begin_upgrade(None)
    client.send(text("2probe"), text("5"))
    wait_for(lambda: session.upgraded, 5)

    assert not session.begin_upgrade(None)


def test_an_end_in_the_middle_of_an_upgrade(plug: Plug) -> None:
    """The WebSocket that was about to take over goes with its session."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    client = plug(pages, session, probe_by=soon(60))
    client.send(text("2probe"))
    client.read()
    session.close()

    assert [CLOSE] == [frame.opcode for frame in client.frames()]
    wait_for(lambda: pages.reactor.connections() == 0, 5)


def test_compression_is_for_what_is_long() -> None:
    """Short packets are not worth it; bytes are left alone."""
    session = EngineSession(Desk(), "sid")
    long = "4" + "a" * 200

    assert frame(TEXT, b"4a", masked=False) == session.frame_of("4a", deflates=True)
    assert len(session.frame_of(long, deflates=True)) < 50
    assert len(long) < len(session.frame_of(long, deflates=False))
    assert b"a" * 200 in session.frame_of(b"a" * 200, deflates=True)


def test_a_pong_asks_for_the_next_ping_in_time() -> None:
    """Also where an answer may take longer than a ping comes after another."""
    pages = Desk(interval=0.1, timeout=LONG)
    session = EngineSession(pages, "sid")
    wait_for(lambda: session.take_waiting() == ["2"], 5, "a ping")

    session.take("3")

    wait_for(lambda: session.take_waiting() == ["2"], 5, "the next ping")


def test_who_was_shown_out_is_not_listened_to(plug: Plug) -> None:
    """What it had said behind the reason for that is not acted upon."""
    pages = Desk()
    session = EngineSession(pages, "sid")
    pages.validator.clear()
    for message in ("4first", "4second", "4third"):
        session.take(message)
    session.close()
    pages.validator.set()

    assert "server disconnect" == end_of(pages)
    assert not {"second", "third"} & {event for event in pages.told if isinstance(event, str)}


def test_a_session_that_ended_keeps_no_connection(plug: Plug) -> None:
    """Its end came between its request and its WebSocket."""
    session = EngineSession(Desk(), "sid")
    session.close()

    client = plug(session._host, session)

    wait_for(client.is_ended, 5, "the end of the connection")


def test_state_does_not_count_as_events() -> None:
    """However many symbols a page that polls watches, the answer still fits behind them."""
    session, many = EngineSession(Desk(), "sid"), State()
    many.packets = ("4a",) * 2000

    assert session.try_send(many, asked=True)
    session.send("4answer")

    assert ["4a", "4answer"] == (session.poll() or [])[-2:]
    assert not session.closed
