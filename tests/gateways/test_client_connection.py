"""One client, on a connection with a peer of ours at the other end."""

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
from tests.gateways.clients import SYMBOLS, Market, Parrot, caller, client, services
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
def parrot(market: Market) -> Parrot:
    """A dialect that repeats what it hears."""
    return Parrot(market)


Connect = Callable[..., tuple[ClientConnection, RawClient]]


@pytest.fixture
def connect(parrot: Parrot) -> Iterator[Connect]:
    """Connects clients, and ends them."""
    with ExitStack() as at_the_end:

        def make(
            of: ClientServices | None = None, early: bytes = b"", first: bytes = b""
        ) -> tuple[ClientConnection, RawClient]:
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            taken = socket.socket.detach(ours)
            limits = ConnectionLimits(backlog=4096, kernel_buffer=4096)
            connection = WebSocketConnection(_socket.socket(fileno=taken), REACTOR, limits)
            made = client(of or services(), parrot, caller())
            peer = at_the_end.enter_context(RawClient(theirs, timeout=PATIENCE))
            made.start(connection, first, early)
            return made, peer

        yield make


def line(peer: RawClient) -> str:
    frame = peer.read()
    assert TEXT == frame.opcode, frame
    return frame.payload.decode()


# What it says


def test_hello_comes_before_every_answer(connect: Connect, parrot: Parrot) -> None:
    """Also where the client has said something with its handshake already."""
    _, peer = connect(early=text("first"), first=b"HTTP/1.1 101 Hi\r\n\r\n")
    assert 101 == peer.read_head()
    peer.send(text("second"))

    assert ["hello", "first", "second"] == [line(peer) for _ in range(3)]
    assert 1 == len(parrot.opens)


def test_answers_come_in_the_order_of_the_questions(connect: Connect) -> None:
    """However many threads answer."""
    _, peer = connect()
    peer.send(*(text(str(number)) for number in range(30)))

    assert ["hello", *map(str, range(30))] == [line(peer) for _ in range(31)]


def test_a_dialect_that_crashes_costs_one_answer(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The client is told that it was us, and goes on."""
    _, peer = connect()
    peer.send(text("crash"), text("on"))

    assert ["hello", "! INTERNAL_ERROR", "on"] == [line(peer) for _ in range(3)]
    assert "RuntimeError: crashed" in caplog.text


def test_a_crash_is_nobodys_bad_manners(connect: Connect) -> None:
    """Twenty of them close nothing."""
    _, peer = connect()
    peer.send(*[text("crash")] * 20, text("on"))

    assert "on" == [line(peer) for _ in range(22)][-1]


def test_bad_messages_are_counted(connect: Connect) -> None:
    """What was said, answered and refused."""
    of = services()
    made, peer = connect(of)
    of.registry.enter(made)
    peer.send(text("well"), text("bad"))
    for _ in range(3):
        line(peer)

    assert {
        "connections": 1,
        "subscriptions": 0,
        "messages_in": 2,
        "messages_out": 3,
        "messages_refused": 1,
    } == of.registry.counts()["dialects"]["parrot"]


# How it ends


def test_a_close_before_the_start(parrot: Parrot) -> None:
    """The guard may be faster than the handshake, which is answered all the same."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connection = WebSocketConnection(
        _socket.socket(fileno=ours.detach()), REACTOR, ConnectionLimits()
    )
    made = client(services(), parrot, caller())
    made.close(1008, "Session ended")
    with RawClient(theirs, timeout=PATIENCE) as peer:
        made.start(connection, b"HTTP/1.1 101 Hi\r\n\r\n", b"")
        assert 101 == peer.read_head()
        frame = peer.read()

    assert (CLOSE, 1008) == (frame.opcode, frame.code)
    assert [] == parrot.opens


def test_the_dialect_hears_of_the_end_once(connect: Connect, parrot: Parrot) -> None:
    """When the client is on no list any more."""
    of = services()
    made, peer = connect(of)
    of.registry.enter(made)
    made.accept(["BTC"])
    made.watch(["BTC"])
    line(peer)
    peer.sock.close()
    wait_for(lambda: parrot.ends, 5)

    assert [made] == parrot.ends
    wait_for(lambda: not parrot.market.fanout.is_watched("BTC"), 5)
    assert set() == made.subscriptions
    assert [] == of.registry.clients()


# Subscriptions


def test_subscriptions_have_a_limit(parrot: Parrot) -> None:
    """What is held already costs nothing, what is given back makes room."""
    made = client(services(subscriptions=2), parrot)

    assert (["BTC"], []) == made.accept(["BTC", "BTC"])
    assert (["BTC", "ETH"], ["SOL"]) == made.accept(["BTC", "ETH", "SOL"])
    made.release(["BTC", "unheard of"])
    assert ([("portfolio", 1)], [("portfolio", 2)]) == made.accept(
        [("portfolio", 1), ("portfolio", 2)]
    )
    assert {"ETH", ("portfolio", 1)} == made.subscriptions
    assert 2 == made.most_subscriptions


def test_quotes(connect: Connect, market: Market) -> None:
    """The newest at once, then each change, until nobody wants them."""
    made, peer = connect()
    market.hub.publish(quote(trade("1"), symbol="BTC", seq=1))
    line(peer)
    made.watch(SYMBOLS)
    assert "BTC 1" == line(peer)
    market.hub.publish(quote(trade("2"), symbol="ETH", seq=2))
    assert "ETH 2" == line(peer)
    made.unwatch(["ETH"])
    market.hub.publish(quote(trade("3"), symbol="ETH", seq=3))
    market.hub.publish(quote(trade("4"), symbol="BTC", seq=4))

    assert "BTC 4" == line(peer)


def test_unwatching_nothing_is_harmless(parrot: Parrot) -> None:
    """Nothing was begun."""
    client(services(), parrot).unwatch(["BTC"])


# Slow readers


def blocked(made: ClientConnection) -> None:
    """Send until the kernel takes no more."""
    connection = made.direct()
    assert connection is not None
    filler = b"x" * 1000
    wait_for(lambda: made.send_framed(filler) or connection.blocked, 5)


def test_what_is_owed_is_made_when_it_can_be_sent(connect: Connect) -> None:
    """Of each key the last, in the order in which the keys were first owed."""
    made, peer = connect()
    line(peer)
    blocked(made)
    asked: list[str] = []

    def send_latest(key: str, value: str) -> None:
        made.send_latest(key, lambda: asked.append(value) or value)

    for value in ("1", "2", "3"):
        send_latest("one", f"one {value}")
    send_latest("other", "other")
    time.sleep(0.02)
    assert [] == asked

    said = []
    while "other" not in said:
        said.append(line(peer))
    assert ["one 3", "other"] == [message for message in said if message[0] == "o"]
    assert ["one 3", "other"] == asked


def test_what_is_owed_is_sent_at_once_to_who_reads(connect: Connect) -> None:
    """Nothing waits without a reason; what cannot be made is left out."""
    made, peer = connect()
    line(peer)
    made.send_latest("one", lambda: "now")
    made.send_latest("bad", lambda: str(1 // 0))
    made.send_latest("two", lambda: "then")

    assert ["now", "then"] == [line(peer), line(peer)]


def test_many_threads_owe_in_order(connect: Connect, restless: None) -> None:
    """An older value never comes after a newer one."""
    made, peer = connect()
    line(peer)
    turn, numbers = threading.Lock(), iter(range(1, 2001))

    def run() -> None:
        for _ in range(500):
            with turn:
                number = next(numbers)
                made.send_latest("count", lambda number=number: str(number))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    said = [int(line(peer))]
    while said[-1] != 2000:
        said.append(int(line(peer)))
    for thread in threads:
        thread.join()

    assert sorted(set(said)) == said


def test_events_that_were_lost(connect: Connect) -> None:
    """Who does not read them is told so when it does."""
    made, peer = connect()
    line(peer)
    blocked(made)
    for _ in range(20):
        made.send("y" * 1000)
    said = [line(peer)]
    while not said[-1].startswith("!"):
        said.append(line(peer))

    assert "! EVENTS_LOST" == said[-1]
    assert said.count("y" * 1000) < 20
