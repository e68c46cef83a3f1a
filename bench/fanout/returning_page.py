"""A page that comes back when its connection is lost, on one of its connections: bytes in, bytes
out, no socket. By WebSocket, or by long polling where a proxy forbids them.
"""

import json

from bench.fanout.client_dialect import HandshakeRefused
from bench.fanout.client_handshake import Address, ClientHandshake
from bench.fanout.dialect import NAMESPACE, UPDATE, subscription
from bench.fanout.frame import CLOSE, PING, PONG, frames, masked

_LIVE = b'"price_class":"live"'
_PING = f'42{NAMESPACE},["ping"]'.encode()
_DESK = NAMESPACE.encode()
_ENDED = b"41" + _DESK
_BETWEEN_PACKETS = b"\x1e"
_OK = 200


class ConnectionEnded(Exception):
    """The server ended the connection; the message has how."""


class WebSocketPage:
    """One connection of a page: `prices` counts the live prices that came on it."""

    def __init__(self, address: Address, index: int, symbols: tuple[str, ...]) -> None:
        self.request = address.request(index=index)
        self.prices = 0
        # Without symbols: the first prices count, too.
        self._handshake = ClientHandshake(())
        self._symbols = symbols
        self._data = b""

    @property
    def is_connected(self) -> bool:
        """Whether it was let in."""
        return self._handshake.is_authenticated

    def ping(self) -> bytes:
        """Asks the server for a sign of life."""
        return masked(_PING)

    def receive(self, data: bytes) -> bytes:
        """Read bytes, return those to send. Raises HandshakeRefused, ConnectionEnded."""
        answer = b""
        if not self._handshake.done:
            answer = self._handshake.receive(data)
            if not self._handshake.done:
                return answer
            answer += masked(subscription(self._symbols))
            data = self._handshake.rest
        return answer + self._read(data)

    def _read(self, data: bytes) -> bytes:
        data, at, answers = self._data + data, 0, []
        for opcode, payload, at in frames(data):  # noqa: B007
            if opcode == CLOSE:
                raise ConnectionEnded(f"closed with {int.from_bytes(payload[:2], 'big') or 1005}")
            if opcode == PING:
                answers.append(masked(payload, PONG))
            else:
                self.prices += payload.startswith(UPDATE) and _LIVE in payload
                if payload.startswith(_ENDED):
                    raise ConnectionEnded("disconnected")
                if payload == b"2":
                    answers.append(masked(b"3"))
        self._data = data[at:]
        return b"".join(answers)


class PollingPage:
    """The same by long polling: one request after the other on one kept connection."""

    def __init__(self, address: Address, index: int, symbols: tuple[str, ...]) -> None:
        self.prices = 0
        self.is_connected = False
        self._host = f"{address.host}:{address.port}"
        self._cookie = address.cookies[index % len(address.cookies)]
        self._symbols = symbols
        self._query = "EIO=4&transport=polling"
        self._data = b""
        self._is_posting = False
        self._to_post: list[bytes] = []
        self.request = self._poll()

    def ping(self) -> bytes:
        """Nothing: its only connection waits for an answer."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Read bytes, return those to send. Raises HandshakeRefused, ConnectionEnded."""
        self._data += data
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return b""
        status, headers = _read_head(head)
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return b""
        body, self._data = rest[:length], rest[length:]
        if status != _OK:
            reason = f"HTTP {status} {body[:80].decode('utf-8', 'replace')}"
            raise ConnectionEnded(reason) if self.is_connected else HandshakeRefused(reason)
        if not self._is_posting:
            for packet in body.split(_BETWEEN_PACKETS):
                self._take(packet)
        self._is_posting = bool(self._to_post)
        return self._post() if self._to_post else self._poll()

    def _take(self, packet: bytes) -> None:
        self.prices += packet.startswith(UPDATE) and _LIVE in packet
        if packet.startswith(b"0{"):
            self._query += f"&sid={json.loads(packet[1:])['sid']}"
            self._to_post.append(b"40" + _DESK + b",")
        if packet == b"1" or packet.startswith(_ENDED):
            raise ConnectionEnded("closed by a packet")
        if packet == b"2":
            self._to_post.append(b"3")
        if packet.startswith(b"44" + _DESK):
            raise HandshakeRefused(packet.decode("utf-8", "replace")[:200])
        if packet.startswith(b"40" + _DESK):
            self.is_connected = True
            self._to_post.append(subscription(self._symbols))

    def _poll(self) -> bytes:
        return self._head("GET") + b"\r\n\r\n"

    def _post(self) -> bytes:
        body, self._to_post = _BETWEEN_PACKETS.join(self._to_post), []
        kind = f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}"
        return self._head("POST") + f"\r\n{kind}\r\n\r\n".encode() + body

    def _head(self, method: str) -> bytes:
        lines = [
            f"{method} /socket.io/?{self._query} HTTP/1.1",
            f"Host: {self._host}",
            f"Origin: http://{self._host}",
            f"Cookie: {self._cookie}",
        ]
        return "\r\n".join(lines).encode()


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in headers}


Session = WebSocketPage | PollingPage
