"""RFC 6455 and 7692 over sockets, under each of the servers.

Long for a reason: it follows the standard's paragraphs.
"""

import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process_table import descriptors
from tests.processes import Process, free_port, wait_for
from tests.streaming.echo_app import LARGEST
from tests.streaming.raw_client import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Frame,
    RawClient,
    closing,
    frame,
    text,
    upgrade,
)

GREEK = "κόσμε"
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


class Served(Process):
    """The echo under one of the servers."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-W", "ignore", "-m", "tests.streaming.echo_app"]
        super().__init__([*command, mode, str(self.port)], {}, folder / f"{mode}.log")

    def answers(self) -> bool:
        assert self.process.poll() is None, self.output()
        try:
            return self.state()["connections"] == 0
        except OSError:
            return False

    def state(self) -> dict[str, int]:
        """The app's counters of connections."""
        with RawClient.connect(self.port) as client:
            client.send(b"GET /state HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert 200 == client.read_head()
            state: dict[str, int] = json.loads(client.read_body())
            return state

    def sockets(self) -> int:
        """The number of its open sockets; other descriptors may be closed later."""
        return sum(
            descriptor.startswith("socket:") for descriptor in descriptors(self.pid).values()
        )

    def wait_until_alone(self) -> None:
        """Wait until nothing is left of any connection."""
        wait_for(lambda: self.state()["connections"] == 0, 10, "all to be gone")

    def open(self, *more: str, behind: bytes = b"") -> RawClient:
        return RawClient.open(self.port, "/echo", *more, behind=behind)


@pytest.fixture(scope="module", params=["eventlet", "gevent", "threading"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Each of the servers; at the end no socket is left open, and no error was logged."""
    with Served(tmp_path_factory.mktemp("echo"), request.param) as running:
        wait_for(running.answers, 30, "the server")
        before = running.sockets()
        yield running
        running.wait_until_alone()
        wait_for(lambda: running.sockets() <= before, 10, "the sockets' end")
    assert "Traceback" not in running.output()
    assert "ERROR" not in running.output()


# Messages (§5.4, §5.6)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 1_000_000])
def test_any_size(served: Served, size: int) -> None:
    """Text and bytes of any size are echoed unchanged."""
    with served.open() as client:
        client.send(frame(BINARY, b"\xfe" * size), frame(TEXT, b"*" * size))

        assert Frame(BINARY, b"\xfe" * size) == client.read()
        assert Frame(TEXT, b"*" * size) == client.read()


def test_the_largest(served: Served) -> None:
    """Exactly the allowed size is accepted."""
    payload = os.urandom(LARGEST // 16) * 16
    with served.open() as client:
        client.send(frame(BINARY, payload))

        assert Frame(BINARY, payload) == client.read()


def test_fragments_with_control_frames_between(served: Served) -> None:
    """A fragmented message with empty fragments; pings in between are answered at once."""
    data = GREEK.encode()
    with served.open() as client:
        client.send(frame(TEXT, data[:3], fin=False), frame(PING, b"1"), frame(PONG, b"unasked"))
        assert Frame(PONG, b"1") == client.read()
        client.send(frame(CONT, fin=False), frame(CONT, data[3:], fin=False), frame(PING, b"2"))
        assert Frame(PONG, b"2") == client.read()
        client.send(frame(CONT))

        assert Frame(TEXT, data) == client.read()


@pytest.mark.parametrize("extension", [(), (DEFLATE,)], ids=["plain", "deflate"])
def test_byte_by_byte(served: Served, extension: tuple[str, ...]) -> None:
    """Frames that arrive one byte at a time are handled the same."""
    with served.open(*extension) as client:
        client.trickle(text(GREEK))
        frames = [client.read()]
        client.trickle(
            frame(BINARY, b"a" * 130, fin=False),
            frame(PING, b"?" * 125),
            frame(CONT, b"b"),
        )
        frames += [client.read(), client.read()]
        client.trickle(closing(1000, b"done"))
        frames += client.frames()

    plain = [Frame(TEXT, inflate(answer.payload)) if answer.rsv else answer for answer in frames]
    assert [
        Frame(TEXT, GREEK.encode()),
        Frame(PONG, b"?" * 125),
        Frame(BINARY, b"a" * 130 + b"b"),
        Frame(CLOSE, (1000).to_bytes(2, "big") + b"done"),
    ] == plain


def test_the_request_and_more_in_one_segment(served: Served) -> None:
    """Frames right after the handshake are not lost."""
    with served.open(behind=text("first") + frame(PING, b"second") + closing()) as client:
        assert [TEXT, PONG, CLOSE] == [frame.opcode for frame in client.frames()]


@pytest.mark.parametrize("size", [0, 1, 125])
def test_pings_are_answered(served: Served, size: int) -> None:
    """The pong has the ping's payload."""
    with served.open() as client:
        client.send(frame(PING, b"\xfe" * size))

        assert Frame(PONG, b"\xfe" * size) == client.read()


def test_many_pings(served: Served) -> None:
    """They are answered in order."""
    with served.open() as client:
        client.send(*[frame(PING, b"%d" % number) for number in range(500)])

        assert [b"%d" % number for number in range(500)] == [
            client.read().payload for _ in range(500)
        ]


# Protocol errors (§5.1, §5.2, §5.5, §7.4, §8.1)

FAULTS = {
    "rsv1": (frame(TEXT, b"a", rsv=4), 1002),
    "rsv2": (frame(TEXT, b"a", rsv=2), 1002),
    "rsv3": (frame(PING, b"a", rsv=1), 1002),
    "rsv on close": (frame(CLOSE, b"\x03\xe8", rsv=7), 1002),
    **{f"opcode {opcode}": (frame(opcode), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "unmasked text": (frame(TEXT, b"a", masked=False), 1002),
    "unmasked close": (frame(CLOSE, b"\x03\xe8", masked=False), 1002),
    "long ping": (frame(PING, b"a" * 126), 1002),
    "long pong": (frame(PONG, b"a" * 126), 1002),
    "long close": (frame(CLOSE, b"\x03\xe8" + b"a" * 124), 1002),
    "fragmented ping": (frame(PING, b"a", fin=False), 1002),
    "fragmented close": (frame(CLOSE, fin=False), 1002),
    "continuation of nothing": (frame(CONT, b"a"), 1002),
    "continuation after the end": (
        frame(TEXT, b"a", fin=False) + frame(CONT, b"b") + frame(CONT, b"c"),
        1002,
    ),
    "text inside of a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "close of one byte": (frame(CLOSE, b"\x03"), 1002),
    **{
        f"close {code}": (closing(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
    "reason": (closing(1000, b"\xce\xba\xed\xa0\x80"), 1007),
    "text": (frame(TEXT, b"\xce\xba\xff"), 1007),
    "overlong": (frame(TEXT, b"\xc0\xaf"), 1007),
    "surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "beyond unicode": (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "half a character": (frame(TEXT, GREEK.encode()[:-1]), 1007),
    "half a character in fragments": (
        frame(TEXT, GREEK.encode()[:3], fin=False) + frame(CONT, GREEK.encode()[3:-1]),
        1007,
    ),
    "bad text, not yet whole": (frame(TEXT, b"\xce\xba\xf4\x90", fin=False), 1007),
    "bad continuation, not yet whole": (
        frame(TEXT, b"\xce", fin=False) + frame(CONT, b"\x28", fin=False),
        1007,
    ),
    "too big": (b"\x82\xff" + (LARGEST + 1).to_bytes(8, "big"), 1009),
    "far too big": (b"\x82\xff" + (2**63 - 1).to_bytes(8, "big"), 1009),
    "beyond any size": (b"\x82\xff" + (2**64 - 1).to_bytes(8, "big"), 1009),
    "too big together": (
        frame(BINARY, b"a", fin=False) + b"\x80\xff" + LARGEST.to_bytes(8, "big"),
        1009,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_protocol_error(served: Served, name: str) -> None:
    """Messages before it are answered, the right close code follows, and then TCP ends."""
    invalid, code = FAULTS[name]
    with served.open() as client:
        client.send(text("before"), invalid)
        frames = list(client.frames())

    echoes = [frame for frame in frames if frame.opcode != CLOSE]
    assert [(CLOSE, code)] == [
        (frame.opcode, frame.code) for frame in frames if frame not in echoes
    ]
    assert Frame(TEXT, b"before") == echoes[0]


@pytest.mark.parametrize("name", ["rsv2", "opcode 3", "close 1005", "text", "half a character"])
def test_a_protocol_error_byte_by_byte(served: Served, name: str) -> None:
    """It is detected as well."""
    invalid, code = FAULTS[name]
    with served.open() as client:
        client.trickle(invalid)

        assert [code] == [frame.code for frame in client.frames()]


def test_nothing_after_a_protocol_error_is_answered(served: Served) -> None:
    """Not even a close, a ping, or a request (§7.1.7)."""
    with served.open() as client:
        client.send(frame(3), frame(PING), text("a"), closing(), upgrade())

        assert [1002] == [frame.code for frame in client.frames()]


# The end (§5.5.1, §7)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1012, 3000, 3999, 4000, 4999])
def test_a_close_is_answered(served: Served, code: int) -> None:
    """With the same code and reason, then the server ends TCP (§7.1.1)."""
    with served.open() as client:
        client.send(closing(code, b"why" * 41), text("too late"))

        assert [Frame(CLOSE, code.to_bytes(2, "big") + b"why" * 41)] == list(client.frames())


def test_a_close_without_a_code(served: Served) -> None:
    """It is answered by one without a code."""
    with served.open() as client:
        client.send(frame(CLOSE))

        assert [Frame(CLOSE, b"")] == list(client.frames())


def test_the_server_closes(served: Served) -> None:
    """It waits for the answer, then ends TCP; messages received meanwhile are not answered."""
    with served.open() as client:
        client.send(text("close 4321 enough"))
        assert Frame(CLOSE, (4321).to_bytes(2, "big") + b"enough") == client.read()
        client.send(text("crosses"), frame(PING), closing(4321))

        assert b"" == client.rest()


@pytest.mark.parametrize(
    "last",
    [closing(), frame(3), text("close 1000 bye")],
    ids=["closed", "at fault", "told to"],
)
def test_tcp_really_ends(served: Served, last: bytes) -> None:
    """Also if the client keeps its end open and goes on sending."""
    served.wait_until_alone()
    with served.open() as client:
        client.send(last)
        for _ in client.frames():
            pass
        served.wait_until_alone()
        with pytest.raises(ConnectionError):
            talk(client)


def talk(client: RawClient) -> None:
    for _ in range(100):
        client.send(text("still here"))


def test_a_disconnect_in_the_middle_of_a_frame(served: Served) -> None:
    """Nothing of the connection is left."""
    for beginning in (b"\x81", frame(TEXT, b"a" * 200)[:100], frame(TEXT, b"a", fin=False)):
        with served.open() as client:
            client.send(beginning)

    served.wait_until_alone()


# Compression (RFC 7692)


def inflate(payload: bytes) -> bytes:
    return zlib.decompressobj(wbits=-15).decompress(payload + b"\x00\x00\xff\xff")


def deflate(payload: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("size", [0, 1, 1000, 1_000_000])
def test_compressed_messages_are_echoed(served: Served, size: int) -> None:
    """Both ways, each message on its own; plain ones are still accepted."""
    payload = b"price " * (size // 6) + b"." * (size % 6)
    with served.open(DEFLATE) as client:
        agreed = client.header("Sec-WebSocket-Extensions") or ""
        for _ in range(2):
            client.send(frame(TEXT, deflate(payload), rsv=4), frame(TEXT, payload))
            for _ in range(2):
                echo = client.read()
                assert (TEXT, 4, payload) == (echo.opcode, echo.rsv, inflate(echo.payload))
        client.send(frame(BINARY, deflate(payload), rsv=4))
        assert Frame(BINARY, payload) == client.read()

    assert {"server_no_context_takeover", "client_no_context_takeover"} <= {
        parameter.strip() for parameter in agreed.split(";")
    }


def test_compressed_fragments(served: Served) -> None:
    """Only the first one has the bit; a control frame may come between."""
    packed = deflate(GREEK.encode() * 100)
    with served.open(DEFLATE) as client:
        client.send(frame(TEXT, packed[:9], fin=False, rsv=4), frame(PING), frame(CONT, packed[9:]))

        assert PONG == client.read().opcode
        assert GREEK.encode() * 100 == inflate(client.read().payload)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(TEXT, b"\xff\xff\xff", rsv=4), 1002),
        (frame(PING, b"", rsv=4), 1002),
        (frame(TEXT, deflate(b"a"), rsv=4, fin=False) + frame(CONT, b"", rsv=4), 1002),
        (frame(TEXT, b"a", rsv=6), 1002),
        (frame(TEXT, deflate(b"\xff"), rsv=4), 1007),
        (frame(BINARY, deflate(bytes(LARGEST + 1)), rsv=4), 1009),
        (
            frame(BINARY, deflate(bytes(LARGEST))[:-1], rsv=4, fin=False)
            + frame(CONT, deflate(bytes(LARGEST))),
            1009,
        ),
    ],
    ids=["rubbish", "ping", "continuation", "rsv2", "utf-8", "bomb", "bomb in fragments"],
)
def test_a_protocol_error_in_compressed_data(served: Served, frames: bytes, code: int) -> None:
    """Limits and UTF-8 are checked on the decompressed data."""
    with served.open(DEFLATE) as client:
        client.send(frames)

        assert [code] == [frame.code for frame in client.frames() if frame.opcode == CLOSE]


def test_without_an_extension_nothing_is_compressed(served: Served) -> None:
    """Nor with one that cannot be met; the bit is then a protocol error."""
    for extension in (
        (),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9",),
    ):
        with served.open(*extension) as client:
            assert client.header("Sec-WebSocket-Extensions") is None
            client.send(text("a" * 1000))
            assert Frame(TEXT, b"a" * 1000) == client.read()
            client.send(frame(TEXT, deflate(b"a"), rsv=4))
            assert 1002 == client.read().code


# The handshake (§4.2)


@pytest.mark.parametrize(
    ("replaced", "by", "status"),
    [
        ("Upgrade: websocket\r\n", "", 426),
        ("Upgrade: websocket", "Upgrade: h2c", 426),
        ("Connection: Upgrade", "Connection: keep-alive", 426),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", 400),
        ("Sec-WebSocket-Version: 13\r\n", "", 400),
        ("Sec-WebSocket-Key: ", "X-Key: ", 400),
        ("Sec-WebSocket-Key: ", "Sec-WebSocket-Key: !", 400),
        ("GET ", "POST ", 405),
    ],
)
def test_a_handshake_is_refused_in_http(
    served: Served, replaced: str, by: str, status: int
) -> None:
    """With a status and a sentence, and without internal details."""
    with RawClient.connect(served.port) as client:
        request = upgrade("/echo").decode()
        assert replaced in request
        client.send(request.replace(replaced, by, 1).encode())

        assert status == client.read_head()
        body = client.read_body()
    assert b"WebSocket" in body
    assert b"Traceback" not in body
    assert b'.py"' not in body


@pytest.mark.parametrize(
    "line",
    ["X-Odd: \x01\x1f", "X-Odd: \xff\xfe", "Cookie: a=\x7f", "Origin: \x02", "Content-Length: 5"],
)
def test_odd_requests_are_handled(served: Served, line: str) -> None:
    """They get a WebSocket or a refusal, not a server error."""
    with RawClient.connect(served.port) as client:
        client.send(upgrade("/echo", line).decode().encode("latin-1"))

        assert client.read_head() in (101, 400, 501)


def test_header_case_does_not_matter(served: Served) -> None:
    """Names of headers and their values are read whatever their case (§4.2.1)."""
    with RawClient.connect(served.port) as client:
        request = upgrade("/echo").replace(b"Upgrade: websocket", b"UPGRADE: WebSocket")
        client.send(request.replace(b"Connection: Upgrade", b"connection: keep-alive, upgrade"))

        assert 101 == client.read_head()
        client.send(text("a"))
        assert Frame(TEXT, b"a") == client.read()
