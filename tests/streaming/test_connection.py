"""Receiving and closing of a connection, over a pair of sockets.

Long for a reason: a peer can break every rule in every state.
"""

import contextlib
import gc
import logging
import random
import socket
import time
import weakref
import zlib
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omcrm.streaming.connection import ConnectionLimits, WebSocketConnection
from omcrm.streaming.frame import text_frame
from omcrm.streaming.reactor import Reactor
from tests.processes import PATIENCE, wait_for
from tests.streaming.pair import Opener, begin_close
from tests.streaming.raw_client import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Frame,
    closing,
    frame,
    text,
)
from tests.streaming.recording_listener import RecordingListener

QUICK = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CHAPTER = "π — ≠ 😀".encode()


def deflate(payload: bytes) -> bytes:
    """Compress as permessage-deflate does."""
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


# Receiving


def test_messages_arrive_whole(opened: Opener) -> None:
    """Text and bytes arrive complete, in one frame or fragmented anywhere."""
    pair = opened()
    pair.peer.send(text("a"), frame(BINARY, b"\x00\xff"), frame(TEXT, CHAPTER[:1], fin=False))
    pair.peer.send(frame(CONT, CHAPTER[1:4], fin=False), frame(CONT, CHAPTER[4:]), text(""))
    wait_for(lambda: len(pair.listener.messages) == 4, 5)

    assert ["a", b"\x00\xff", CHAPTER.decode(), ""] == pair.listener.messages


def test_the_handshake_answer_comes_first(opened: Opener) -> None:
    """It precedes even the answer to a message that came with the request."""
    pair = opened(first=text_frame(b"hello"), early=frame(PING, b"early"))

    assert [Frame(TEXT, b"hello"), Frame(PONG, b"early")] == [pair.peer.read(), pair.peer.read()]


@pytest.mark.usefixtures("restless")
def test_early_bytes_are_handled_first(reactor: Reactor) -> None:
    """Bytes that came with the request are handled before those in the socket."""
    for _ in range(100):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        listener = RecordingListener()
        with theirs:
            theirs.sendall(text("later") + closing())
            connection = WebSocketConnection(ours, reactor, ConnectionLimits())
            connection.start(listener, b"", early=text("early"))
            wait_for(lambda listener=listener: len(listener.messages) == 2, 5)
        listener.end.wait(PATIENCE)

        assert ["early", "later"] == listener.messages


@given(st.lists(st.binary(max_size=300), max_size=8), st.randoms(use_true_random=False))
@QUICK
def test_fragmentation_does_not_matter(
    opened: Opener, messages: list[bytes], chance: random.Random
) -> None:
    """Messages in any fragments, with pings between them, in segments of any size."""
    stream = bytearray()
    for message in messages:
        cuts = sorted(
            chance.sample(range(len(message) + 1), chance.randint(0, min(3, len(message))))
        )
        fragments = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
        for number, fragment in enumerate(fragments):
            opcode = CONT if number else BINARY
            stream += frame(opcode, fragment, fin=number == len(fragments) - 1)
            stream += frame(PING, b"!") * chance.randint(0, 1)
    pair = opened()
    while stream:
        size = chance.choice((1, 2, 7, 100, 1000))
        pair.peer.send(bytes(stream[:size]))
        del stream[:size]
    wait_for(lambda: len(pair.listener.messages) == len(messages), 5)

    assert messages == pair.listener.messages


@given(st.binary(min_size=1, max_size=200), st.booleans())
@QUICK
def test_invalid_bytes_end_the_connection(
    opened: Opener, caplog: pytest.LogCaptureFixture, nonsense: bytes, deflates: bool
) -> None:
    """Whatever bytes come, nothing is logged, and only frames are sent back."""
    caplog.set_level(logging.DEBUG, "omcrm")
    caplog.set_level(logging.INFO, "websockets")
    pair = opened(ConnectionLimits(closing=0.2), deflates=deflates)
    pair.peer.send(nonsense)
    pair.peer.sock.shutdown(socket.SHUT_WR)

    assert all(frame.opcode in (CLOSE, PONG) for frame in pair.peer.frames())
    assert [] == caplog.messages


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"ok\xed\xa0\x80", fin=False), 1007),
        (frame(TEXT, b"\xf0\x9f", fin=False) + frame(CONT, b"\x28", fin=False), 1007),
        (frame(TEXT, b"\xf0\x9f", fin=False) + frame(CONT), 1007),
        (frame(TEXT, b"a", masked=False), 1002),
        (frame(TEXT, b"a", rsv=4), 1002),
        (frame(3), 1002),
        (frame(CONT, b"a"), 1002),
        (frame(BINARY, bytes(1001)), 1009),
        (frame(BINARY, bytes(600), fin=False) + frame(CONT, bytes(600)), 1009),
    ],
    ids=[
        "utf-8",
        "surrogate",
        "fragment",
        "end",
        "unmasked",
        "rsv",
        "opcode",
        "cont",
        "big",
        "sum",
    ],
)
def test_a_protocol_error_has_its_close_code(opened: Opener, frames: bytes, code: int) -> None:
    """The close frame names the error at once, and no message is delivered."""
    pair = opened(ConnectionLimits(message=1000))
    pair.peer.send(frames)

    assert [code] == [frame.code for frame in pair.peer.frames()]
    assert [] == pair.listener.messages


def test_messages_after_a_protocol_error_are_ignored(opened: Opener) -> None:
    """Messages before it are delivered, also from the same segment."""
    pair = opened()
    pair.peer.send(text("before"), frame(TEXT, b"\xff"), text("too late"), closing())

    assert CLOSE == next(pair.peer.frames()).opcode
    assert ["before"] == pair.listener.messages


def test_compressed_messages(opened: Opener) -> None:
    """Compressed and plain messages arrive, also in fragments."""
    pair = opened(ConnectionLimits(message=2000), deflates=True)
    packed = deflate(b"abc" * 500)
    pair.peer.send(frame(TEXT, packed, rsv=4), text("plain"))
    pair.peer.send(frame(BINARY, packed[:5], rsv=4, fin=False), frame(CONT, packed[5:]))
    wait_for(lambda: len(pair.listener.messages) == 3, 5)

    assert ["abc" * 500, "plain", b"abc" * 500] == pair.listener.messages
    assert pair.connection.deflates


@pytest.mark.parametrize("behind", [b"", closing(), frame(3)], ids=["more", "close", "fault"])
@pytest.mark.parametrize("frames", [text("a"), frame(PING)], ids=["messages", "pings"])
def test_a_flood_ends_the_connection(
    opened: Opener,
    reactor: Reactor,
    caplog: pytest.LogCaptureFixture,
    frames: bytes,
    behind: bytes,
) -> None:
    """More frames in a second than allowed end it, and none of them is delivered."""
    before = reactor.counters["floods"]
    pair = opened(ConnectionLimits(frames=100, closing=0.2))
    pair.peer.send(text("before"), frames * 100 + behind)
    for _ in pair.peer.frames():
        pass

    assert 1 == reactor.counters["floods"] - before
    assert [] == caplog.messages
    assert len(pair.listener.messages) <= 1


def test_a_peer_within_the_limit_stays_connected(opened: Opener) -> None:
    """As many frames as allowed are accepted, again in the next second."""
    pair = opened(ConnectionLimits(frames=100))
    pair.peer.send(text("a") * 100)
    wait_for(lambda: len(pair.listener.messages) == 100, 5)
    time.sleep(1.05)
    pair.peer.send(text("a") * 100)
    wait_for(lambda: len(pair.listener.messages) == 200, 5)

    assert 0 == pair.listener.ends


def test_a_decompression_bomb_is_refused(opened: Opener) -> None:
    """A message that decompresses to more than the limit is refused."""
    pair = opened(ConnectionLimits(message=2000), deflates=True)
    pair.peer.send(frame(TEXT, deflate(bytes(1_000_000)), rsv=4))

    assert [1009] == [frame.code for frame in pair.peer.frames()]


def test_empty_fragments_are_not_stored(opened: Opener) -> None:
    """An endless message of empty fragments costs no memory."""
    pair = opened()
    pair.peer.send(frame(TEXT, fin=False), frame(CONT, fin=False) * 20_000, frame(PING))
    pair.peer.read()

    assert len(pair.connection._parts or []) < 10


def test_a_pause_leaves_messages_in_the_kernel(opened: Opener) -> None:
    """While paused the peer blocks; afterwards all messages arrive in order."""
    pair = opened()
    pair.connection.pause(True)
    pair.peer.sock.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            pair.peer.sock.send(text("a"))
            sent += 1
    received_meanwhile = list(pair.listener.messages)
    pair.connection.pause(False)
    wait_for(lambda: len(pair.listener.messages) == sent, 10)

    assert [] == received_meanwhile


def test_a_failing_listener_ends_its_connection(
    opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged one time, and the peer is disconnected."""

    def fail(message: str | bytes) -> None:
        raise RuntimeError(message)

    pair = opened(listener=RecordingListener(fail), tcp=True)
    pair.peer.send(text("a"))

    assert b"" == pair.peer.rest()
    assert ["a connection failed"] == caplog.messages


# Ends


def test_the_server_closes(opened: Opener) -> None:
    """The close frame has its reason, and the stream ends when the peer has answered."""
    pair = opened()
    pair.connection.close(1001, "restart")
    close_frame = pair.peer.read()
    pair.peer.send(frame(CLOSE, close_frame.payload))

    assert b"" == pair.peer.rest()
    assert (1001, b"restart") == (close_frame.code, close_frame.payload[2:])


def test_the_peer_closes(opened: Opener) -> None:
    """A close frame is answered with the same code, then the stream ends."""
    pair = opened()
    pair.peer.send(closing(3999, b"enough"))

    assert [3999] == [frame.code for frame in pair.peer.frames()]
    assert not pair.connection.open


@pytest.mark.parametrize("answers", [True, False], ids=["answered", "unanswered"])
def test_closing_has_a_timeout(opened: Opener, reactor: Reactor, answers: bool) -> None:
    """A peer that does not answer, or answers but stays, is disconnected after the timeout."""
    before = reactor.counters["unanswered"]
    pair = opened(ConnectionLimits(closing=0.1))
    pair.connection.close()
    if answers:
        pair.peer.send(closing())
    pair.listener.end.wait(PATIENCE)

    assert 1 == reactor.counters["unanswered"] - before
    assert 1 == pair.listener.ends


@pytest.mark.parametrize("tcp", [False, True], ids=["end", "reset"])
def test_the_end_of_the_stream_ends_the_connection(opened: Opener, tcp: bool) -> None:
    """Without a close frame, the stream's end or reset ends the connection."""
    pair = opened(tcp=tcp)
    if tcp:
        linger = (1).to_bytes(4, "little") + bytes(4)
        pair.peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    pair.peer.sock.close()

    assert pair.listener.end.wait(PATIENCE)


def test_a_silent_peer_is_pinged_then_closed(opened: Opener, reactor: Reactor) -> None:
    """A peer that sends nothing is pinged; without an answer it is closed with 1008."""
    before = reactor.counters["silent"]
    pair = opened(ConnectionLimits(silent=0.4, closing=0.2))
    frames = list(pair.peer.frames())

    assert [(PING, None), (CLOSE, 1008)] == [
        (reply.opcode, reply.code if reply.opcode == CLOSE else None) for reply in frames
    ]
    assert 1 == reactor.counters["silent"] - before


def test_a_pong_resets_the_silence_timeout(opened: Opener, reactor: Reactor) -> None:
    """A peer that answers every ping stays connected."""
    pair = opened(ConnectionLimits(silent=1000.0))
    for _ in range(4):
        # Not by the clock: on a busy machine the answer may take longer than any short timeout.
        late = time.monotonic() + 600
        reactor.soon(partial(pair.connection.tick, late))
        assert PING == pair.peer.read().opcode
        pair.peer.send(frame(PONG))
        wait_for(lambda late=late: pair.connection._pinged_at > late, what="the pong")

    assert 0 == pair.listener.ends


def test_calls_after_the_end_do_nothing(opened: Opener) -> None:
    """Nothing is sent or reported again; `try_send` returns True so that nothing stays pending."""
    pair = opened()
    pair.peer.sock.close()
    pair.listener.end.wait(PATIENCE)
    pair.connection.send(b"x")
    pair.connection.close()
    pair.connection.pause(True)
    pair.connection.abort("late")

    assert pair.connection.try_send(b"x")
    assert not pair.connection.open
    assert 1 == pair.listener.ends


def test_a_flood_after_our_close_is_not_stored(opened: Opener) -> None:
    """Frames that arrive between our close frame and the end are discarded."""
    pair = opened(ConnectionLimits(closing=20))
    begin_close(pair)
    pair.peer.send(frame(BINARY, bytes(1000)) * 1000)
    kept = list(pair.connection._protocol.events)
    pair.peer.send(closing())

    assert [1000] == [frame.code for frame in pair.peer.frames()]
    assert len(kept) < 100
    assert [] == pair.listener.messages


def test_a_ping_after_our_close_is_not_answered(opened: Opener, reactor: Reactor) -> None:
    """It does not prevent the orderly end of the connection."""
    before = reactor.counters["unanswered"]
    pair = opened(ConnectionLimits(closing=20))
    begin_close(pair)
    pair.peer.send(frame(PING), closing())

    assert [CLOSE] == [frame.opcode for frame in pair.peer.frames()]
    assert before == reactor.counters["unanswered"]


def test_an_ended_connection_is_freed(reactor: Reactor) -> None:
    """No reference to connection or listener remains, not even by a deadline."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    listener = RecordingListener()
    connection = WebSocketConnection(ours, reactor, ConnectionLimits(closing=0.1))
    connection.start(listener, b"")
    connection.close()
    with theirs:
        listener.end.wait(PATIENCE)
    gone = weakref.ref(listener)
    protocol = weakref.ref(connection._protocol)
    del connection, listener
    wait_for(lambda: gc.collect() is not None and not gone() and not protocol(), 5)
