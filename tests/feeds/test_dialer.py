"""Connections within the time of a call; tests/feeds/hostile_upstreams.py tries them on upstreams
that do the worst, on all kinds of threads."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from omcrm.errors import FeedError
from omcrm.feeds import dialer
from omcrm.feeds.dialer import Dialer, Stage
from tests.processes import PATIENCE
from tests.threads import Threads


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    """A socket that listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def begun(seconds: float = PATIENCE, largest: int = 1000) -> Dialer:
    """A dialer in the middle of a call."""
    made = Dialer()
    made.begin(seconds, largest)
    return made


def dial(made: Dialer, listener: socket.socket) -> socket.socket:
    """A connection to a listener."""
    return made.dial("127.0.0.1", listener.getsockname()[1], is_proxy=False)


def test_it_connects(peer: socket.socket) -> None:
    """The connection carries bytes both ways; while it is made nothing can have been sent."""
    made = begun()
    with dial(made, peer) as sock, peer.accept()[0] as there:
        sock.sendall(b"ask")
        there.sendall(b"answer")

        assert (b"ask", b"answer") == (there.recv(10), sock.recv(10))
    assert Stage.DIALING is made.stage


def test_a_number_needs_no_look_up() -> None:
    """No thread is started for an address."""
    threads = Threads()

    assert ["127.0.0.1"] == list(begun().look_up("127.0.0.1", 80))
    assert ["::1"] == list(begun().look_up("::1", 80))
    assert [] == threads.new()


def test_a_name_is_looked_up_once(peer: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is connected to is what was chosen, not what a second look-up would give."""
    asked: list[str] = []
    system_look_up = dialer._getaddrinfo

    def look_up(host: str, *options: int) -> object:
        asked.append(host)
        return system_look_up(host, *options)

    monkeypatch.setattr(dialer, "_getaddrinfo", look_up)
    made = Dialer(lambda addresses: [address for address in addresses if address == "127.0.0.1"])
    made.begin(PATIENCE, 1000)
    made.dial("localhost", peer.getsockname()[1], is_proxy=False).close()

    # Whether it is a number, and then as a name.
    assert ["localhost"] * 2 == asked


def test_each_wait_gets_the_time_that_is_left(peer: socket.socket) -> None:
    """Bytes that drip in do not make a call longer."""
    made = begun(0.3)
    ended = threading.Event()
    with dial(made, peer) as sock, peer.accept()[0] as there:

        def drip() -> None:
            while not ended.wait(0.01):
                there.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(TimeoutError):
            list(iter(lambda: sock.recv(1), b""))
        ended.set()
        thread.join(PATIENCE)
    made.begin(PATIENCE, 1000)
    with dial(made, peer) as sock, peer.accept()[0] as there:
        there.sendall(b"x")
        assert b"x" == sock.recv(1)


def test_an_answer_is_bounded_as_it_comes(peer: socket.socket) -> None:
    """Also what is no body: headers, marks between chunks, what comes before the answer."""
    made = begun(largest=1000)
    with dial(made, peer) as sock, closing(peer.accept()[0]) as there:
        there.sendall(b"x" * 2000)
        received = 0
        while received < 2000:
            received += sock.recv_into(bytearray(500))
        with pytest.raises(FeedError, match="answer of more than 1000 bytes"):
            made.count(dialer._OVERHEAD + 1)


def test_after_a_stop_nothing_is_connected(peer: socket.socket) -> None:
    """Nor is anything received on the connection that was made."""
    made = begun()
    with dial(made, peer) as sock:
        made.stop()
        with pytest.raises(ConnectionAbortedError):
            sock.recv(1)
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(ConnectionAbortedError):
                made.dial(host, peer.getsockname()[1], is_proxy=False)

    assert made.is_stopped
