"""One message of a stream, framed once for all its receivers."""

from websockets.frames import Frame, Opcode


def framed(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Return the WebSocket frame that a server sends for `payload`."""
    return Frame(opcode, payload).serialize(mask=False, extensions=[])


class StreamMessage:
    """A payload and its stream; `wrapped` is the combined form where that was recorded."""

    __slots__ = ("_frames", "payload", "stream", "wrapped")

    def __init__(self, stream: str, payload: bytes, wrapped: bytes | None = None) -> None:
        self.stream = stream
        self.payload = payload
        self.wrapped = wrapped
        self._frames: dict[bool, bytes] = {}

    def frame(self, combined: bool) -> bytes:
        """Return the frame for connections with bare or with combined events."""
        frame = self._frames.get(combined)
        if frame is None:
            frame = self._frames[combined] = framed(self._text(combined))
        return frame

    def _text(self, combined: bool) -> bytes:
        if not combined:
            return self.payload
        if self.wrapped is not None:
            return self.wrapped
        return b'{"stream":"%s","data":%s}' % (self.stream.encode(), self.payload)
