"""Server frames of WebSocket: not masked, so that one is the same for every client."""

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

# Both sides begin every message anew, so that a compressed frame is the same for everybody, too.
WINDOW_BITS = 12
_WIDEST = 15


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
    extension = PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=_WIDEST,
        local_max_window_bits=WINDOW_BITS,
    )
    return Frame(Opcode.TEXT, payload).serialize(mask=False, extensions=[extension])
