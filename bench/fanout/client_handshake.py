"""A page's messages from the TCP connection to its first price: bytes in, bytes out, no socket."""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.fanout.client_dialect import DESK, ClientDialect, HandshakeRefused, namespace_answers
from bench.fanout.dialect import NAMESPACE
from bench.fanout.frame import CLOSE, PING, PONG, frames, masked


@dataclass(frozen=True)
class Address:
    """The server's address, and the cookies of its clients, one after the other."""

    host: str
    port: int
    cookies: tuple[str, ...] = ("",)

    @classmethod
    def of(cls, url: str, *cookies: str) -> "Address":
        """The address in a URL like `http://127.0.0.1:5000`."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80, cookies or ("",))

    def request(self, dialect: ClientDialect = DESK, index: int = 0) -> bytes:
        """The opening handshake of one client, as a browser of the same origin sends it."""
        cookie = self.cookies[index % len(self.cookies)]
        lines = [
            f"GET {dialect.path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            f"Origin: http://{self.host}:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if cookie:
            lines.append(f"Cookie: {cookie}")
        return "\r\n".join([*lines, "", ""]).encode()


class ClientHandshake:
    """One client: `is_authenticated` when it may subscribe, `done` with its first price.

    Without symbols it is done as soon as it is authenticated.
    """

    def __init__(self, symbols: tuple[str, ...], dialect: ClientDialect = DESK) -> None:
        self._dialect = dialect
        self.done = False
        self.is_authenticated = False
        self.rest = b""
        self._symbols = symbols
        self._data = b""
        self._upgraded = False

    def receive(self, data: bytes) -> bytes:
        """Read received bytes, and return the bytes to send. Raises HandshakeRefused."""
        self._data += data
        answers: list[bytes] = []
        if not self._upgraded:
            if not self._upgrade():
                return b""
            if self._dialect is not DESK:
                # A raw socket needs no message before the subscription.
                answers += self._subscribe()
        used = 0
        for opcode, payload, used in frames(self._data):  # noqa: B007
            answers += self._answer(opcode, payload)
            if self.done:
                break
        self._data = self._data[used:]
        if self.done:
            self.rest = self._data
        return b"".join(answers)

    def _upgrade(self) -> bool:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return False
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise HandshakeRefused(head.partition(b"\r\n")[0].decode("latin-1"))
        self._upgraded, self._data = True, rest
        return True

    def _answer(self, opcode: int, payload: bytes) -> Iterator[bytes]:
        if opcode == CLOSE:
            raise HandshakeRefused(payload.decode("utf-8", "replace")[:200])
        if opcode == PING:
            yield masked(payload, PONG)
        elif payload.startswith(self._dialect.answer):
            self.done = True
        elif self._dialect is DESK:
            yield from namespace_answers(payload)
            if payload.startswith(b"40" + NAMESPACE.encode()):
                yield from self._subscribe()

    def _subscribe(self) -> Iterator[bytes]:
        self.is_authenticated, self.done = True, not self._symbols
        if self._symbols:
            yield from map(masked, self._dialect.ask(self._symbols))
