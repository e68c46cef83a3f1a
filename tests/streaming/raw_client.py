"""A WebSocket client that can break every rule; written from RFC 6455, without libraries."""

import base64
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple, Self

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_KEY = base64.b64encode(b"sixteen bytes...").decode()


class Frame(NamedTuple):
    """One frame as it was read."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def code(self) -> int | None:
        """The code of a close frame."""
        return int.from_bytes(self.payload[:2], "big") if self.payload else None


def frame(
    opcode: int, payload: bytes = b"", fin: bool = True, rsv: int = 0, masked: bool = True
) -> bytes:
    """A client's frame; `rsv` are the three reserved bits."""
    first = fin << 7 | rsv << 4 | opcode
    size, bit = len(payload), masked << 7
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    repeated = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + mixed.to_bytes(size, "big")


def text(payload: str) -> bytes:
    """A whole text message."""
    return frame(TEXT, payload.encode())


def closing(code: int = 1000, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


def upgrade(path: str = "/", *more: str) -> bytes:
    """The request for a WebSocket; `more` are further header lines."""
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
        *more,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


class RawClient:
    """The peer's end of one connection; also a context manager that closes it."""

    def __init__(self, sock: socket.socket, timeout: float = 20) -> None:
        self.sock = sock
        self.head = b""
        self._read = b""
        sock.settimeout(timeout)

    @classmethod
    def connect(cls, port: int, receive_buffer: int | None = None) -> Self:
        """A connection to a server, before its handshake."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            sock.connect(("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        return cls(sock)

    @classmethod
    def open(
        cls,
        port: int,
        path: str = "/",
        *more: str,
        behind: bytes = b"",
        receive_buffer: int | None = None,
    ) -> Self:
        """A WebSocket after its handshake; `behind` was sent in the same segment."""
        client = cls.connect(port, receive_buffer)
        try:
            client.send(upgrade(path, *more) + behind)
            assert 101 == client.read_head(), client.head
        except BaseException:
            client.sock.close()
            raise
        return client

    def send(self, *frames: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(b"".join(frames))

    def trickle(self, *frames: bytes) -> None:
        """Send bytes one by one, until the server closes the connection."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for byte in b"".join(frames):
                self.sock.send(bytes([byte]))

    def read_head(self) -> int:
        """Read the head of an HTTP response; its status."""
        while b"\r\n\r\n" not in self._read:
            self._fetch()
        self.head, _, self._read = self._read.partition(b"\r\n\r\n")
        return int(self.head.split()[1])

    def header(self, name: str) -> str | None:
        """A header of that response."""
        for line in self.head.decode().split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return None

    def read_body(self) -> bytes:
        """The body of that response, by its Content-Length."""
        return self._exactly(int(self.header("Content-Length") or 0))

    def read(self) -> Frame:
        """The next frame; ConnectionError at the end."""
        first, second = self._exactly(2)
        size = second & 127
        assert not second & 128, "a server's frames are not masked"
        if size == 126:
            size = int.from_bytes(self._exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(self._exactly(8), "big")
        payload = self._exactly(size)
        return Frame(first & 15, payload, bool(first & 128), first >> 4 & 7)

    def frames(self) -> Iterator[Frame]:
        """All frames until the end of the stream, which must come after a whole frame."""
        while True:
            with contextlib.suppress(ConnectionResetError):
                if not self._read:
                    self._read = self.sock.recv(65536)
            if not self._read:
                return
            yield self.read()

    def rest(self) -> bytes:
        """All bytes until the end of the stream, which must come."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.sock.recv(65536):
                self._read += data
        rest, self._read = self._read, b""
        return rest

    def is_ended(self) -> bool:
        """Whether the server has ended the connection, without waiting; reads what is there."""
        timeout = self.sock.gettimeout()
        self.sock.setblocking(False)
        try:
            while data := self.sock.recv(65536):
                self._read += data
        except BlockingIOError:
            self.sock.settimeout(timeout)
            return False
        except OSError:
            pass
        return True

    def unread(self) -> bytes:
        """What has come and was not read as frames; does not wait."""
        self.is_ended()
        return self._read

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._fetch()
        data, self._read = self._read[:size], self._read[size:]
        return data

    def _fetch(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError(f"ended after {self._read!r}")
        self._read += data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()
