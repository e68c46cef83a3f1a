"""Sending of a connection, to peers that read, read late, or do not read."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omcrm.streaming.connection import ConnectionLimits
from omcrm.streaming.frame import text_frame
from omcrm.streaming.reactor import Reactor
from tests.processes import wait_for
from tests.streaming.pair import Opener, begin_close, fill_socket
from tests.streaming.raw_client import (
    CLOSE,
    PING,
    TEXT,
    RawClient,
    closing,
    frame,
)

QUICK = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_state_is_refused_while_older_bytes_wait(opened: Opener, reactor: Reactor) -> None:
    """A full socket accepts no state until its peer has read; then `writable` is called."""
    pair = opened()
    fill_socket(pair)
    writables = pair.listener.writables

    assert not pair.connection.try_send(text_frame(b"newer"))
    assert pair.connection.blocked
    wait_for(lambda: not pair.peer.is_ended() and pair.listener.writables > writables, 5)
    assert pair.connection.try_send(text_frame(b"newest"))
    while (payload := pair.peer.read().payload) != b"newest":
        assert b"x" * 1000 == payload


def test_events_are_queued_for_a_full_socket(opened: Opener) -> None:
    """All of them arrive later, in their order."""
    pair = opened()
    fill_socket(pair)
    for number in range(50):
        pair.connection.send(text_frame(b"%d" % number))
    read = [pair.peer.read().payload]
    while read[-1] != b"49":
        read.append(pair.peer.read().payload)

    assert [b"%d" % number for number in range(50)] == [
        payload for payload in read if len(payload) < 9
    ]
    assert 0 == pair.listener.losses


def test_too_many_events_are_dropped_and_reported(opened: Opener, reactor: Reactor) -> None:
    """Beyond the limit whole events are dropped, and `lost` is called afterwards."""
    pair = opened(ConnectionLimits(backlog=10_000))
    dropped = reactor.counters["events_dropped"]
    fill_socket(pair)
    for number in range(2000):
        pair.connection.send(text_frame(b"%0100d" % number))
        assert pair.connection._backlog <= 11_010
    pair.connection.send(text_frame(b"the last"))
    assert 0 == pair.listener.losses
    numbers = []
    while (payload := pair.peer.read().payload) != b"the last":
        numbers += [int(payload)] if payload[:1] == b"0" else []
    wait_for(lambda: pair.listener.losses == 1, 5)

    assert sorted(numbers) == numbers
    assert 2000 - len(numbers) == reactor.counters["events_dropped"] - dropped > 1500


def test_one_big_event_is_not_lost(opened: Opener) -> None:
    """A single event may be larger than the backlog limit."""
    pair = opened(ConnectionLimits(backlog=1000))
    fill_socket(pair)
    pair.connection.send(text_frame(b"b" * 500_000))
    while len(payload := pair.peer.read().payload) == 1000:
        pass

    assert b"b" * 500_000 == payload
    assert 0 == pair.listener.losses


@given(st.lists(st.tuples(st.sampled_from("osrp"), st.integers(0, 30_000)), max_size=60))
@QUICK
def test_only_whole_frames_are_sent(opened: Opener, acts: list[tuple[str, int]]) -> None:
    """State, events, pongs and reads in any order: frames are never interleaved."""
    pair = opened(ConnectionLimits(backlog=40_000))
    taken = []
    for number, (act, size) in enumerate(acts):
        payload = b"%d:" % number + b"." * size
        if act == "o":
            if pair.connection.try_send(text_frame(payload)):
                taken.append(payload)
        elif act == "s":
            pair.connection.send(text_frame(payload))
            taken.append(payload)
        elif act == "r":
            pair.peer.is_ended()
        else:
            pair.peer.send(frame(PING, b"?"))
    pair.connection.close()
    frames = [pair.peer.read()]
    while frames[-1].opcode != CLOSE:
        frames.append(pair.peer.read())
    pair.peer.send(closing())
    rest_of_stream = pair.peer.rest()
    read = [frame.payload for frame in frames if frame.opcode == TEXT]
    rest = iter(taken)

    assert b"" == rest_of_stream
    assert all(message in rest for message in read)


def test_many_threads_write_concurrently(opened: Opener) -> None:
    """Each frame stays whole, and each thread's frames stay in order."""
    pair = opened(ConnectionLimits(backlog=10_000_000))

    def write(letter: bytes) -> None:
        for number in range(500):
            pair.connection.send(text_frame(b"%s%d" % (letter, number) + b"." * 200))

    threads = [threading.Thread(target=write, args=(prefix,)) for prefix in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    read = [pair.peer.read().payload.rstrip(b".") for _ in range(1500)]
    for thread in threads:
        thread.join()

    for letter in (b"a", b"b", b"c"):
        own = [message for message in read if message.startswith(letter)]
        assert [b"%s%d" % (letter, number) for number in range(500)] == own


def test_unread_pongs_are_bounded(opened: Opener) -> None:
    """A peer that sends pings and never reads the pongs uses bounded memory."""
    pair = opened(ConnectionLimits(backlog=10_000))
    pings = frame(PING, b"?" * 125) * 100
    pair.peer.sock.settimeout(0.2)
    for _ in range(200):
        try:
            pair.peer.send(pings)
        except TimeoutError:
            break

    assert sum(map(len, pair.connection._pending)) <= 12_000


# Peers that do not read


def read_all(peer: RawClient) -> None:
    while peer.sock.recv(65536):
        pass


def test_closing_a_peer_that_does_not_read(opened: Opener) -> None:
    """The partly written frame is finished; frames queued after it are dropped."""
    pair = opened()
    fill_socket(pair)
    pair.connection.send(text_frame(b"event"))
    begin_close(pair)
    pair.peer.send(closing())
    frames = list(pair.peer.frames())

    assert {1000} == {len(frame.payload) for frame in frames[:-1]}
    assert (CLOSE, 1000) == (frames[-1].opcode, frames[-1].code)


def test_a_stalled_peer_is_aborted(opened: Opener, reactor: Reactor) -> None:
    """Bytes queued longer than allowed abort the connection and are discarded."""
    before = reactor.counters["stalled"]
    pair = opened(ConnectionLimits(stalled=0.2), tcp=True)
    fill_socket(pair)

    def is_over() -> bool:
        # The kernel's buffers may still have room for the queued bytes.
        pair.connection.try_send(text_frame(b"x" * 1_000_000))
        return pair.listener.end.wait(0.05)

    wait_for(is_over, 20, "the end")
    assert 1 == reactor.counters["stalled"] - before
    with pytest.raises(ConnectionResetError):
        read_all(pair.peer)


def test_a_slow_peer_stays_connected(opened: Opener) -> None:
    """A peer that reads something now and then stays connected longer than the timeout."""
    pair = opened(ConnectionLimits(stalled=5.0))
    for _ in range(7):
        time.sleep(1)
        for _ in range(fill_socket(pair)):
            pair.peer.read()

    assert 0 == pair.listener.ends
