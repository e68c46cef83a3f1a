"""Server frames of WebSocket: not masked, so that one is the same for every client."""

import zlib

from websockets.frames import Frame, Opcode

# Both sides begin every message anew, so that a compressed frame is the same for everybody, too.
WINDOW_BITS = 12
_LEVEL = 6
_EMPTY_BLOCK = b"\x00\x00\xff\xff"


def text_frame(payload: bytes) -> bytes:
    """A whole text message; `payload` is UTF-8."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def binary_frame(payload: bytes) -> bytes:
    """A whole binary message."""
    return Frame(Opcode.BINARY, payload).serialize(mask=False)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return Frame(Opcode.PING, payload).serialize(mask=False)


def deflated_frame(payload: bytes) -> bytes:
    """A whole text message for clients with which permessage-deflate was agreed."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -WINDOW_BITS)
    data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    data = data.removesuffix(_EMPTY_BLOCK)
    return Frame(Opcode.TEXT, data, rsv1=True).serialize(mask=False)
