"""HTTP/1.1 without I/O: requests parsed from a buffer, answers serialized."""

import http
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from simulator.stream_name import query_pairs

HEAD_LIMIT = 128 * 1024
BODY_LIMIT = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"
RECORDED_AT = "X-Recorded-At"
"""The header of every answer that plays a recording: when it was recorded."""


class HttpError(Exception):
    """The peer does not send HTTP; the connection ends."""


class HttpRequest(Struct, frozen=True):
    """One request; header names in lower case."""

    method: str
    target: str
    protocol: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The pairs of the query, in order."""
        return query_pairs(self.target.partition("?")[2])

    def below(self, folder: str) -> "HttpRequest":
        """Return the request with its path relative to `folder`, which its path begins with."""
        rest = self.target.removeprefix(folder)
        return replace(self, target=rest if rest.startswith("/") else f"/{rest}")

    @property
    def wants_websocket(self) -> bool:
        """Whether this is the opening handshake of a WebSocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection stays open after the answer."""
        default = "close" if self.protocol == "HTTP/1.0" else "keep-alive"
        return self.headers.get("connection", default).lower() != "close"


class HttpAnswer(Struct, frozen=True):
    """One HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    content_type: str = "application/json;charset=UTF-8"

    def serialize(self, keep_alive: bool) -> bytes:
        """Return the answer's bytes."""
        lines = [
            f"HTTP/1.1 {self.status} {_phrase(self.status)}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode() + END_OF_HEAD + self.body


def json_answer(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Return an answer whose body is `value` as JSON."""
    return HttpAnswer(status, msgspec.json.encode(value), headers or {})


def take_request(buffer: bytearray) -> HttpRequest | None:
    """Remove the first complete request from `buffer` and return it; None while it is
    incomplete."""
    end = buffer.find(END_OF_HEAD)
    if end < 0:
        if len(buffer) > HEAD_LIMIT:
            raise HttpError("the head of the request is too long")
        return None
    lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    headers = _headers(lines[1:])
    size = _body_size(headers)
    start = end + len(END_OF_HEAD)
    if len(buffer) < start + size:
        return None
    body = bytes(buffer[start : start + size])
    del buffer[: start + size]
    return _request(lines[0], headers, body)


def _request(line: str, headers: dict[str, str], body: bytes) -> HttpRequest:
    match line.split(" "):
        case [method, target, "HTTP/1.1" | "HTTP/1.0" as protocol] if target.startswith("/"):
            return HttpRequest(method, target, protocol, headers, body)
    raise HttpError("no HTTP request line")


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise HttpError("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    return headers


def _body_size(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not text.isdecimal() or int(text) > BODY_LIMIT:
        raise HttpError("a body of unknown or excessive length")
    return int(text)


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Refused"
