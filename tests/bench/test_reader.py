import math
import socket
import time
from collections.abc import Iterator

import pytest

from bench.fanout.dialect import template
from bench.fanout.native import NativeReader, Reader, compiled
from bench.fanout.plain_floor import framed, unmasked
from bench.fanout.plain_reader import PlainReader
from tests.processes import PATIENCE

SYMBOLS = ("BTC", "ETH")


def update(symbol: str, seq: int, age: float = 0.0) -> bytes:
    moment = time.time() - age
    text = (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
        + f".{int(moment * 1000) % 1000:03d}Z"
    )
    message = template(symbol).replace("T" * 24, text).replace("S" * 7, f"{seq:07d}")
    return framed(message.replace("PP", "11").encode())


@pytest.fixture(params=["C", "Python"])
def reader(request: pytest.FixtureRequest) -> Reader:
    if request.param == "Python":
        return PlainReader(10, SYMBOLS)
    library = compiled("reader.c", "-shared", "-fPIC")
    if library is None:
        pytest.skip("there is no C compiler")
    return NativeReader(library, 10, SYMBOLS)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    server, client = socket.socketpair()
    client.setblocking(False)
    with server, client:
        yield server, client


def test_updates_are_counted_with_their_age(reader: Reader, pair) -> None:
    """Those made within the window, in tenths of a millisecond."""
    server, client = pair
    reader.reset(time.time() - 1, math.inf)
    reader.add(3, client, 0, b"")
    server.sendall(update("BTC", 1, 0.2) + update("ETH", 2, 0.4) + update("BTC", 3, 5.0))
    while reader.poll(50):
        pass
    tally = reader.tally(0)

    assert (3, 2, 0, 0) == (tally.updates, tally.counted, tally.untimed, tally.regressions)
    assert all(
        least <= bucket for least, bucket in zip((2000, 4000), sorted(tally.latency), strict=True)
    )
    assert 0.4 <= tally.slowest / 1e6 < PATIENCE
    assert 0.2 <= time.time() - tally.newest / 1e6 < PATIENCE
    assert 0 == reader.tally(1).updates


def test_frames_in_pieces(reader: Reader, pair) -> None:
    """Also bytes that were read before the reader got the socket."""
    server, client = pair
    data = b"".join(update("BTC", seq) for seq in range(1, 6)) + framed(b"x" * 1000)[:3]
    reader.reset(0, math.inf)
    reader.add(0, client, 1, data[:100])
    for at in range(100, len(data), 7):
        server.sendall(data[at : at + 7])
        reader.poll(50)

    assert (5, 5, 0) == tuple(
        getattr(reader.tally(1), name) for name in ("updates", "counted", "lost")
    )


def test_an_older_number_is_counted(reader: Reader, pair) -> None:
    """For each symbol; the same number again is none."""
    server, client = pair
    reader.reset(0, math.inf)
    reader.add(0, client, 0, b"")
    for symbol, seq in (("BTC", 5), ("ETH", 3), ("BTC", 5), ("BTC", 4), ("ETH", 4)):
        server.sendall(update(symbol, seq))
    while reader.poll(50):
        pass

    assert (5, 1) == (reader.tally(0).updates, reader.tally(0).regressions)


def test_pings_are_answered(reader: Reader, pair) -> None:
    """Those of Engine.IO, and those of WebSocket."""
    server, client = pair
    reader.add(0, client, 0, b"")
    server.sendall(framed(b"2") + b"\x89\x02hi")
    reader.poll(50)
    answers = server.recv(100)
    pong, used = unmasked(answers)

    assert (b"3", b"hi") == (pong, unmasked(answers[used:])[0])
    assert 0x8A == answers[used]
    assert 2 == reader.tally(0).others


@pytest.mark.parametrize("farewell", [b"", b"\x88\x02\x03\xe8"])
def test_a_lost_connection_is_counted_once(reader: Reader, pair, farewell: bytes) -> None:
    """With a close frame and without."""
    server, client = pair
    reader.reset(0, math.inf)
    reader.add(0, client, 0, b"")
    server.sendall(update("BTC", 1) + farewell)
    server.close()
    for _ in range(5):
        reader.poll(10)

    assert (1, 1) == (reader.tally(0).updates, reader.tally(0).lost)
