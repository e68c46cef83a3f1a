"""WebSocket frames, as far as a client of a Socket.IO server needs them (RFC 6455, section 5)."""

import os
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

_SHORT, _MEDIUM, _LONG = 125, 126, 127


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame; the payload has at most 64 KB."""
    key, size = os.urandom(4), len(payload)
    length = bytes([0x80 | size]) if size <= _SHORT else b"\xfe" + size.to_bytes(2, "big")
    scrambled = bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
    return bytes([0x80 | opcode]) + length + key + scrambled


def frames(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each complete frame of a server: opcode, payload, and where the next one begins."""
    at = 0
    while len(data) - at >= 2:
        length, begins = data[at + 1] & 0x7F, at + 2
        if length == _MEDIUM:
            length, begins = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == _LONG:
            length, begins = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if len(data) < begins + length:
            return
        opcode, at = data[at] & 0x0F, begins + length
        yield opcode, data[begins:at], at
