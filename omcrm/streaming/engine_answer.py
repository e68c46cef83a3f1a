"""The HTTP answers of the Engine.IO server."""

from typing import NamedTuple

from omcrm.wire import encoding

TEXT = ("Content-Type", "text/plain; charset=UTF-8")
_JSON = ("Content-Type", "application/json")


class EngineAnswer(NamedTuple):
    """An HTTP response."""

    status: str
    body: bytes
    headers: list[tuple[str, str]] = []  # noqa: RUF012


# The error codes of the protocol's documentation.
_NUMBERS = {
    "Transport unknown": 0,
    "Session ID unknown": 1,
    "Bad handshake method": 2,
    "Bad request": 3,
    "Forbidden": 4,
    "Unsupported protocol version": 5,
}


def refusal(message: str, status: str = "400 Bad Request") -> EngineAnswer:
    """A refusal with the protocol's error code and message."""
    number = _NUMBERS.get(message, _NUMBERS["Bad request"])
    return EngineAnswer(
        status, encoding.dumps({"code": number, "message": message}).encode(), [_JSON]
    )


UNAUTHORIZED = refusal("Unauthorized", "401 Unauthorized")
DONE = EngineAnswer("200 OK", b"ok", [TEXT])
