"""One upstream connection, against working and broken upstreams."""

import base64
import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from omcrm.errors import FeedError, FeedHeartbeatTimeout, FeedRefused
from omcrm.feeds.connection import Link
from tests.processes import PATIENCE, Exchange, free_port, wait_for

Serve = Callable[[socket.socket], None]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.fixture
def upstream() -> Iterator[Callable[[Serve], str]]:
    """Starts a server of one connection with the test's behaviour, and returns its URL."""
    listeners: list[socket.socket] = []

    def start(serve: Serve) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    serve(connection)
            except OSError:
                return

        threading.Thread(target=run, daemon=True).start()
        return f"ws://127.0.0.1:{listener.getsockname()[1]}/stream"

    yield start
    for server in listeners:
        server.close()


def greet(connection: socket.socket) -> None:
    """Answer the handshake as a WebSocket server does."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    key = next(
        line.partition(b":")[2].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(payload: bytes, opcode: int = 1, final: bool = True) -> bytes:
    first, length = bytes([opcode | (0x80 if final else 0)]), len(payload)
    if length < 126:
        return first + bytes([length]) + payload
    if length < 65536:
        return first + bytes([126]) + length.to_bytes(2, "big") + payload
    return first + bytes([127]) + length.to_bytes(8, "big") + payload


class Read:
    """A started link, and the frames it has read."""

    def __init__(self, url: str) -> None:
        self.frames: list[bytes] = []
        self.touches = 0
        self.link = Link("test", url, self.frames.append, self._touch)
        self.link.start()

    def _touch(self) -> None:
        self.touches += 1

    def wait_for_end(self, timeout: float = 5) -> Exception | None:
        wait_for(self.link.ended.is_set, timeout, "the end")
        self.link.join(PATIENCE)
        return self.link.error


def test_reads_frames_until_the_upstream_closes(upstream: Callable[[Serve], str]) -> None:
    """Every data frame arrives once and whole; the close frame's reason is the error."""

    def serve(connection: socket.socket) -> None:
        greet(connection)
        whole = frame(b"one") + frame(b"", 9) + frame(b"two ", 1, False) + frame(b"parts", 0)
        for byte in whole:
            connection.sendall(bytes([byte]))
        connection.sendall(frame((1001).to_bytes(2, "big") + b"going away", 8))
        time.sleep(0.2)

    read = Read(upstream(serve))
    error = read.wait_for_end()

    assert [b"one", b"two parts"] == read.frames
    assert 1 == read.touches
    assert "closed by the upstream: 1001 going away" == str(error)


LENGTHS = (0, 1, 2, 125, 126, 127, 1500, 65535, 65536, 100_000)


@pytest.mark.parametrize("seed", range(6))
def test_reads_every_message_however_it_arrives(
    seed: int, upstream: Callable[[Serve], str]
) -> None:
    """Of any length, in one frame or several with pings between, whatever is sent at once."""
    rng = random.Random(seed)
    messages, stream = [], b""
    for number in range(60):
        payload = bytes([97 + number % 26]) * rng.choice(LENGTHS)
        messages.append(payload)
        cut = rng.randrange(len(payload) + 1)
        opcode = rng.choice((1, 2))
        if rng.random() < 0.3:
            stream += frame(payload[:cut], opcode, final=False)
            stream += frame(b"ping", opcode=9) if rng.random() < 0.5 else b""
            stream += frame(payload[cut:], opcode=0)
        else:
            stream += frame(payload, opcode) + (frame(b"", opcode=9) if number % 7 == 0 else b"")

    def serve(connection: socket.socket) -> None:
        greet(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = 0
        while sent < len(stream):
            size = rng.choice((1, 2, 3, 100, 5000, 60_000, 200_000))
            connection.sendall(stream[sent : sent + size])
            sent += size
        connection.sendall(frame((1000).to_bytes(2, "big"), opcode=8))
        while connection.recv(4096):
            pass

    read = Read(upstream(serve))
    read.wait_for_end()

    assert messages == read.frames


@pytest.mark.parametrize("fragments", [False, True])
def test_an_enormous_message_ends_the_link(
    upstream: Callable[[Serve], str], fragments: bool
) -> None:
    """A too large message is rejected, in one frame or in fragments."""

    def serve(connection: socket.socket) -> None:
        greet(connection)
        if not fragments:
            connection.sendall(bytes([0x81, 127]) + (1 << 40).to_bytes(8, "big"))
        else:
            piece = b"x" * 500_000
            connection.sendall(frame(piece, 1, False))
            for _ in range(20):
                connection.sendall(frame(piece, 0, False))
        time.sleep(0.5)

    read = Read(upstream(serve))
    error = read.wait_for_end()

    assert isinstance(error, FeedError)
    assert [] == read.frames


@pytest.mark.parametrize(
    ("answer", "status", "wait"),
    [
        (
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n",
            429,
            30,
        ),
        (b"HTTP/1.1 451 Unavailable\r\nContent-Length: 0\r\n\r\n", 451, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, None),
    ],
)
def test_a_refused_handshake(
    upstream: Callable[[Serve], str], answer: bytes, status: int, wait: float | None
) -> None:
    """The status and the time to wait are fields of the error."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    error = Read(upstream(serve)).wait_for_end()

    assert isinstance(error, FeedRefused)
    assert (status, wait) == (error.status, error.retry_after)


def test_a_redirected_handshake(upstream: Callable[[Serve], str]) -> None:
    """It is not followed, and the error says where to."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
            b"Location: wss://elsewhere.example/?token=secret\r\n\r\n"
        )

    error = Read(upstream(serve)).wait_for_end()

    assert "refused with 302: redirects to elsewhere.example" == str(error)


@pytest.mark.parametrize(
    "answer", [b"", b"\xff\xfe\x00", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 x\r\n\r\n"]
)
def test_what_is_no_websocket(upstream: Callable[[Serve], str], answer: bytes) -> None:
    """A server of another protocol makes an error like any other."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    assert Read(upstream(serve)).wait_for_end() is not None


def test_nobody_listens() -> None:
    """A refused connection has a readable text."""
    error = Read(f"ws://127.0.0.1:{free_port()}").wait_for_end()

    assert "connection refused" == str(error)


def test_close_wakes_the_reader(exchange: Exchange) -> None:
    """Closing ends the thread immediately, with the given error."""
    read = Read(f"{exchange.url}/stream")
    wait_for(read.link.connected.is_set, 5)
    assert read.link.is_open
    read.link.close(FeedHeartbeatTimeout(3))
    error = read.wait_for_end(2)

    assert "no frame for 3 s" == str(error)
    assert not read.link.is_open
    with pytest.raises(FeedError):
        read.link.send("{}")


def test_a_failing_receiver_ends_the_link(exchange: Exchange) -> None:
    """An exception of the receiver is logged, ends the connection and is its problem."""

    def fail(frame: bytes) -> None:
        raise RuntimeError("the receiver's own fault")

    link = Link("test", f"{exchange.url}/ws/btcusdt@ticker", fail, lambda: None)
    link.start()
    wait_for(link.ended.is_set, 5)

    assert "the receiver's own fault" == str(link.error)
