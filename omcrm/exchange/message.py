"""One message of a stream, framed once for all who receive it."""

from typing import Any

import msgspec
from websockets.frames import Frame, Opcode

# The time fields of every event; the other integers are ids and counts.
TIME_FIELDS = frozenset({"E", "T", "O", "C"})
CANDLE_TIME_FIELDS = frozenset({"t", "T"})


def framed(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Give the WebSocket frame a server sends for `payload`."""
    return Frame(opcode, payload).serialize(mask=False, extensions=[])


class Message:
    """A payload and its stream; `wrapped` is the combined form where it was recorded so."""

    __slots__ = ("_frames", "payload", "stream", "wrapped")

    def __init__(self, stream: str, payload: bytes, wrapped: bytes | None = None) -> None:
        self.stream = stream
        self.payload = payload
        self.wrapped = wrapped
        self._frames: dict[tuple[bool, bool], bytes] = {}

    def frame(self, combined: bool, microseconds: bool) -> bytes:
        """Give the frame for a connection with these two properties."""
        key = (combined, microseconds)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = framed(self._text(combined, microseconds))
        return frame

    def _text(self, combined: bool, microseconds: bool) -> bytes:
        payload = in_microseconds(self.payload) if microseconds else self.payload
        if not combined:
            return payload
        if self.wrapped is not None and not microseconds:
            return self.wrapped
        return b'{"stream":"%s","data":%s}' % (self.stream.encode(), payload)


def in_microseconds(payload: bytes) -> bytes:
    """Give an event's JSON with its times in microseconds instead of milliseconds."""
    event: Any = msgspec.json.decode(payload)
    finer = [_finer(item) for item in event] if isinstance(event, list) else _finer(event)
    return msgspec.json.encode(finer)


def _finer(event: dict[str, Any]) -> dict[str, Any]:
    finer = _scaled(event, TIME_FIELDS)
    if isinstance(finer.get("k"), dict):
        finer["k"] = _scaled(finer["k"], CANDLE_TIME_FIELDS)
    return finer


def _scaled(event: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    return {
        key: value * 1000 if key in fields and isinstance(value, int) else value
        for key, value in event.items()
    }
