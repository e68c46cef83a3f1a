import socket
import threading
import time

import pytest

from omcrm.serving.deadlines import Deadlines
from tests.processes import PATIENCE, wait_for


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    """A server's socket and its client's."""
    server, client = socket.socketpair()
    with server, client:
        client.settimeout(PATIENCE)
        yield server, client


def test_a_connection_within_its_deadline_stays_open(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Before its deadline nothing happens to a connection."""
    deadlines = Deadlines()
    deadlines.set(pair[0], 1000)

    assert 0 == deadlines.cut(time.monotonic())
    pair[0].sendall(b"a")
    assert b"a" == pair[1].recv(1)


def test_an_overdue_connection_is_shut_down(pair: tuple[socket.socket, socket.socket]) -> None:
    """Both directions end, a single time."""
    deadlines = Deadlines()
    deadlines.set(pair[0], 1000)

    assert (1, 0) == tuple(deadlines.cut(time.monotonic() + 1001) for _ in range(2))
    assert b"" == pair[1].recv(1) == pair[0].recv(1)


def test_the_last_deadline_counts(pair: tuple[socket.socket, socket.socket]) -> None:
    """A new one replaces the one before, and a cleared one has no effect."""
    deadlines, now = Deadlines(), time.monotonic()
    deadlines.set(pair[0], 10)
    deadlines.set(pair[0], 1000)
    assert 0 == deadlines.cut(now + 20)
    deadlines.clear(pair[0])

    assert 0 == deadlines.cut(now + 2000)


def test_blocked_threads_are_woken(pair: tuple[socket.socket, socket.socket]) -> None:
    """A thread that is blocked reading or writing returns."""
    deadlines, over, ended = Deadlines(), [], threading.Event()

    def write() -> None:
        try:
            pair[0].sendall(bytes(100_000_000))
        except OSError as error:
            over.append(error)

    threads = [
        threading.Thread(target=lambda: over.append(pair[0].recv(1))),
        threading.Thread(target=write),
        threading.Thread(target=deadlines.run, args=(ended,)),
    ]
    for thread in threads:
        thread.start()
    deadlines.set(pair[0], 0)

    wait_for(lambda: len(over) == 2, 60, "both")
    ended.set()
    for thread in threads:
        thread.join()


def test_a_closed_connection_is_harmless() -> None:
    """A socket that was closed without `clear` is ignored."""
    deadlines = Deadlines()
    server, client = socket.socketpair()
    deadlines.set(server, 0)
    server.close()
    client.close()

    assert 1 == deadlines.cut(time.monotonic())


def test_time_in_which_nothing_was_checked_does_not_count(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """A check that is late by more than a second postpones all deadlines by as much."""
    deadlines = Deadlines()
    deadlines.set(pair[0], 20)
    began = time.monotonic()
    deadlines.postpone(0.9)
    deadlines.postpone(15)

    assert 0 == deadlines.cut(began + 34)
    assert 1 == deadlines.cut(began + 36)
