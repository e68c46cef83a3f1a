"""WebSocket frames, made once and sent to every client."""

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

# No context takeover on either side, so that a compressed frame is the same for every client.
WINDOW_BITS = 12
_WIDEST = 15

# The first byte of a text message in one frame (RFC 6455 §5.2), and the most bytes whose number
# fits into the second one.
_TEXT, _SHORT = 0x81, 125

# Not masked, for the same reason.


def text_frame(payload: bytes) -> bytes:
    """A whole text message; `payload` is UTF-8."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((_TEXT, size)) + payload
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def binary_frame(payload: bytes) -> bytes:
    """A whole binary message."""
    return Frame(Opcode.BINARY, payload).serialize(mask=False)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping."""
    return Frame(Opcode.PING, payload).serialize(mask=False)


def deflated_frame(payload: bytes) -> bytes:
    """A whole text message for clients that negotiated permessage-deflate."""
    extension = PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=_WIDEST,
        local_max_window_bits=WINDOW_BITS,
    )
    return Frame(Opcode.TEXT, payload).serialize(mask=False, extensions=[extension])
