"""One client connection, with the test at the other end of the socket."""

import _socket
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from omcrm.gateways.client_connection import ClientConnection, ClientServices
from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.reactor import Reactor
from tests.gateways.clients import SYMBOLS, EchoDialect, Market, caller, client, services
from tests.processes import PATIENCE, wait_for
from tests.streaming.raw_client import CLOSE, TEXT, RawClient, text
from tests.values import quote, trade

REACTOR = Reactor()


@pytest.fixture
def market() -> Iterator[Market]:
    """A market whose fan-out runs."""
    made = Market()
    made.fanout.start()
    yield made
    made.fanout.stop()


@pytest.fixture
def dialect(market: Market) -> EchoDialect:
    """A dialect that echoes messages."""
    return EchoDialect(market)


Connect = Callable[..., tuple[ClientConnection, RawClient]]


@pytest.fixture
def connect(dialect: EchoDialect) -> Iterator[Connect]:
    """Connects clients, and closes them at the end."""
    with ExitStack() as at_the_end:

        def make(
            of: ClientServices | None = None, early: bytes = b"", first: bytes = b""
        ) -> tuple[ClientConnection, RawClient]:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            taken = socket.socket.detach(ours)
            limits = ConnectionLimits(backlog=4096, kernel_buffer=4096)
            connection = WebSocketConnection(_socket.socket(fileno=taken), REACTOR, limits)
            made = client(of or services(), dialect, caller())
            peer = at_the_end.enter_context(RawClient(theirs, timeout=PATIENCE))
            made.start(connection, first, early)
            return made, peer

        yield make


def line(peer: RawClient) -> str:
    frame = peer.read()
    assert TEXT == frame.opcode, frame
    return frame.payload.decode()


# Messages


def test_hello_comes_before_every_answer(connect: Connect, dialect: EchoDialect) -> None:
    """Even where the client sent a message together with its handshake."""
    _, peer = connect(early=text("first"), first=b"HTTP/1.1 101 Hi\r\n\r\n")
    assert 101 == peer.read_head()
    peer.send(text("second"))

    assert ["hello", "first", "second"] == [line(peer) for _ in range(3)]
    assert 1 == len(dialect.opens)


def test_answers_come_in_the_order_of_the_messages(connect: Connect) -> None:
    """However many worker threads there are."""
    _, peer = connect()
    peer.send(*(text(str(number)) for number in range(30)))

    assert ["hello", *map(str, range(30))] == [line(peer) for _ in range(31)]


def test_a_dialect_that_crashes_costs_one_answer(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The client receives INTERNAL_ERROR and stays connected."""
    _, peer = connect()
    peer.send(text("crash"), text("on"))

    assert ["hello", "! INTERNAL_ERROR", "on"] == [line(peer) for _ in range(3)]
    assert "RuntimeError: crashed" in caplog.text


def test_a_crash_is_not_counted_as_a_bad_message(connect: Connect) -> None:
    """Twenty of them do not close the connection."""
    _, peer = connect()
    peer.send(*[text("crash")] * 20, text("on"))

    assert "on" == [line(peer) for _ in range(22)][-1]


def test_bad_messages_are_counted(connect: Connect) -> None:
    """So are messages received, sent and refused."""
    of = services()
    made, peer = connect(of)
    of.registry.add(made)
    peer.send(text("well"), text("bad"))
    for _ in range(3):
        line(peer)

    assert {
        "connections": 1,
        "subscriptions": 0,
        "messages_in": 2,
        "messages_out": 3,
        "messages_refused": 1,
    } == of.registry.counts().dialects["echo"]


# Closing


def test_a_close_before_the_start(dialect: EchoDialect) -> None:
    """The sweeper may close it before the handshake is answered; then the answer comes first."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connection = WebSocketConnection(
        _socket.socket(fileno=ours.detach()), REACTOR, ConnectionLimits()
    )
    made = client(services(), dialect, caller())
    made.close(1008, "Session ended")
    with RawClient(theirs, timeout=PATIENCE) as peer:
        made.start(connection, b"HTTP/1.1 101 Hi\r\n\r\n", b"")
        assert 101 == peer.read_head()
        frame = peer.read()

    assert (CLOSE, 1008) == (frame.opcode, frame.code)
    assert [] == dialect.opens


def test_the_dialect_is_called_once_at_the_end(connect: Connect, dialect: EchoDialect) -> None:
    """After the client is removed from the registry and the fan-out."""
    of = services()
    made, peer = connect(of)
    of.registry.add(made)
    made.accept(["BTC"])
    made.subscribe(["BTC"])
    line(peer)
    peer.sock.close()
    wait_for(lambda: dialect.ends, 5)

    assert [made] == dialect.ends
    wait_for(lambda: not dialect.market.fanout.is_watched("BTC"), 5)
    assert set() == made.subscriptions
    assert [] == of.registry.clients()


# Subscriptions


def test_subscriptions_have_a_limit(dialect: EchoDialect) -> None:
    """Those held already do not count again, released ones do not count any more."""
    made = client(services(subscriptions=2), dialect)

    assert (["BTC"], []) == made.accept(["BTC", "BTC"])
    assert (["BTC", "ETH"], ["SOL"]) == made.accept(["BTC", "ETH", "SOL"])
    made.release(["BTC", "not held"])
    assert ([("portfolio", 1)], [("portfolio", 2)]) == made.accept(
        [("portfolio", 1), ("portfolio", 2)]
    )
    assert {"ETH", ("portfolio", 1)} == made.subscriptions
    assert 2 == made.limits.subscriptions


def test_quotes(connect: Connect, market: Market) -> None:
    """The newest quote at once, then each change, until the client unsubscribes."""
    made, peer = connect()
    market.hub.publish(quote(trade("1"), symbol="BTC", seq=1))
    line(peer)
    made.subscribe(SYMBOLS)
    assert "BTC 1" == line(peer)
    market.hub.publish(quote(trade("2"), symbol="ETH", seq=2))
    assert "ETH 2" == line(peer)
    made.unsubscribe(["ETH"])
    market.hub.publish(quote(trade("3"), symbol="ETH", seq=3))
    market.hub.publish(quote(trade("4"), symbol="BTC", seq=4))

    assert "BTC 4" == line(peer)


def test_unsubscribing_without_a_subscription_does_nothing(dialect: EchoDialect) -> None:
    """There is no subscriber at the fan-out yet."""
    client(services(), dialect).unsubscribe(["BTC"])


# Slow readers


def blocked(made: ClientConnection) -> None:
    """Send until the kernel's buffer is full."""
    connection = made.direct()
    assert connection is not None
    filler = b"x" * 1000
    wait_for(lambda: made.send_framed(filler) or connection.blocked, 5)


def test_pending_state_is_made_when_it_can_be_sent(connect: Connect) -> None:
    """The last of each key, in the order in which the keys were first pending."""
    made, peer = connect()
    line(peer)
    blocked(made)
    made_of: list[str] = []

    def send_latest(key: str, value: str) -> None:
        made.send_latest(key, lambda: made_of.append(value) or value)

    for value in ("1", "2", "3"):
        send_latest("one", f"one {value}")
    send_latest("other", "other")
    time.sleep(0.02)
    assert [] == made_of

    lines = []
    while "other" not in lines:
        lines.append(line(peer))
    assert ["one 3", "other"] == [message for message in lines if message[0] == "o"]
    assert ["one 3", "other"] == made_of


def test_state_is_sent_at_once_to_a_client_that_reads(connect: Connect) -> None:
    """State whose `make` raises is left out."""
    made, peer = connect()
    line(peer)
    made.send_latest("one", lambda: "now")
    made.send_latest("bad", lambda: str(1 // 0))
    made.send_latest("two", lambda: "then")

    assert ["now", "then"] == [line(peer), line(peer)]


def test_many_threads_send_state_in_order(connect: Connect, restless: None) -> None:
    """An older value is never received after a newer one."""
    made, peer = connect()
    line(peer)
    order, numbers = threading.Lock(), iter(range(1, 2001))

    def run() -> None:
        for _ in range(500):
            with order:
                number = next(numbers)
                made.send_latest("count", lambda number=number: str(number))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    lines = [int(line(peer))]
    while lines[-1] != 2000:
        lines.append(int(line(peer)))
    for thread in threads:
        thread.join()

    assert sorted(set(lines)) == lines


def test_lost_events_are_reported(connect: Connect) -> None:
    """A client that did not read events receives EVENTS_LOST when it reads again."""
    made, peer = connect()
    line(peer)
    blocked(made)
    for _ in range(20):
        made.send("y" * 1000)
    lines = [line(peer)]
    while not lines[-1].startswith("!"):
        lines.append(line(peer))

    assert "! EVENTS_LOST" == lines[-1]
    assert lines.count("y" * 1000) < 20
