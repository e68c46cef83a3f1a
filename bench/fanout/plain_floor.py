"""floor.c in Python, for machines without a C compiler.

python -m bench.fanout.plain_floor PORT RATE TEMPLATE...
"""

import contextlib
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field

from bench.fanout.dialect import NAMESPACE, now
from bench.fanout.page_pool import allow_many_files

_OPEN = (
    b'0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
)
_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


@dataclass(slots=True)
class _FloorConnection:
    socket: socket.socket
    data: bytes = b""
    rest: bytes = b""
    symbols: set[str] = field(default_factory=set)
    upgraded: bool = False


def framed(text: bytes) -> bytes:
    """A server's text frame."""
    size = len(text)
    return b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + text


def unmasked(data: bytes) -> tuple[bytes, int]:
    """The payload of a client's first complete frame and where the next one begins, or 0."""
    if len(data) < 6:
        return b"", 0
    size, at = data[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    key, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
    if len(payload) < size:
        return b"", 0
    return bytes(byte ^ key[place % 4] for place, byte in enumerate(payload)), at + 4 + size


class Floor:
    """Sends the ticks of each template's symbol to its subscribers."""

    def __init__(self, listener: socket.socket, rate: float, templates: list[str]) -> None:
        self._templates = {template.split('"')[5]: template for template in templates}
        self._listener = listener
        self._pause = 1 / rate
        self._connections: dict[int, _FloorConnection] = {}
        self._count = 0
        self._epoll = select.epoll()
        self._epoll.register(listener.fileno(), select.EPOLLIN)

    def run(self) -> None:
        """Serve for ever."""
        due = time.monotonic() + self._pause
        while True:
            for fd, _ in self._epoll.poll(max(0.0, due - time.monotonic()), 512):
                if fd == self._listener.fileno():
                    self._accept()
                else:
                    self._receive(self._connections[fd])
            if time.monotonic() >= due:
                for symbol, text in self._templates.items():
                    self._tick(symbol, text)
                # A missed tick is not sent later.
                due = max(due + self._pause, time.monotonic())

    def _tick(self, symbol: str, text: str) -> None:
        self._count += 1
        seq = f"{1_000_000 + self._count % 9_000_000:07d}"
        text = text.replace("T" * 24, now()).replace("S" * 7, seq)
        frame = framed(text.replace("PP", str(11 + self._count % 8 * 11)).encode())
        for connection in list(self._connections.values()):
            if symbol in connection.symbols:
                self._send(connection, frame)

    def _send(self, connection: _FloorConnection, frame: bytes) -> None:
        with contextlib.suppress(OSError):
            if connection.rest:
                connection.rest = connection.rest[connection.socket.send(connection.rest) :]
            if not connection.rest:
                connection.rest = frame[connection.socket.send(frame) :]

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections[sock.fileno()] = _FloorConnection(sock)
                self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _receive(self, connection: _FloorConnection) -> None:
        try:
            data = connection.socket.recv(2048)
        except OSError:
            data = b""
        if not data:
            del self._connections[connection.socket.fileno()]
            connection.socket.close()
            return
        connection.data += data
        _, end, rest = connection.data.partition(b"\r\n\r\n")
        if not connection.upgraded and end:
            connection.upgraded, connection.data = True, rest
            self._send(connection, _SWITCH + framed(_OPEN))
        if connection.upgraded:
            self._take_frames(connection)

    def _take_frames(self, connection: _FloorConnection) -> None:
        while True:
            payload, used = unmasked(connection.data)
            if not used:
                return
            connection.data = connection.data[used:]
            if payload.startswith(b"40"):
                self._send(connection, framed(f'40{NAMESPACE},{{"sid":"floor"}}'.encode()))
            elif payload.startswith(b"42"):
                _, body = json.loads(payload[payload.index(b"[") :])
                connection.symbols.update(body["symbols"])


def main(port: str, rate: str, *templates: str) -> None:
    allow_many_files()
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=4096)
    listener.setblocking(False)
    Floor(listener, float(rate), list(templates)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
