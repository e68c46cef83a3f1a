"""A message encoded and framed once for all its receivers."""

from omcrm.streaming import wire
from omcrm.streaming.rate_tier import Batch
from omcrm.streaming.wire import deflated_frame, text_frame

# A client's limit and remaining requests, by their names on the wire.
Metadata = dict[str, int]


class EncodedMessage(Batch):
    """A JSON text for many clients; `framed` and `deflated` are its frames."""

    __slots__ = ("payload", "text")

    def __init__(self, text: str) -> None:
        super().__init__(())
        self.text = text
        self.payload = text.encode()
        self.framed = text_frame(self.payload)

    @property
    def deflated(self) -> bytes:
        """The compressed frame."""
        if not self._deflated:
            self._deflated = deflated_frame(self.payload)
        return self._deflated

    def with_metadata(self, metadata: Metadata) -> str:
        """The text with `metadata` first: as the first element of a list or key of an object."""
        encoded = wire.dumps({"metadata": metadata})
        head, rest = self.text[0], self.text[1:]
        if head != "[":
            encoded = encoded[1:-1]
        comma = "" if rest[:1] in ("]", "}") else ","
        return f"{head}{encoded}{comma}{rest}"
