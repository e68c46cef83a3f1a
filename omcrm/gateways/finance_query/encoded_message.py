"""One message as it leaves: encoded and framed once, whoever it is for."""

from omcrm.streaming import wire
from omcrm.streaming.batch import Batch
from omcrm.streaming.frame import deflated_frame, text_frame

# What is computed of a client's allowance, by its name on the wire.
Metadata = dict[str, int]


class EncodedMessage(Batch):
    """A JSON text that many are sent; `framed` and `deflated` are its frames."""

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
        """The text with `metadata` before all else: as an element of a list, a key of an object."""
        told = wire.dumps({"metadata": metadata})
        head, rest = self.text[0], self.text[1:]
        if head != "[":
            told = told[1:-1]
        comma = "" if rest[:1] in ("]", "}") else ","
        return f"{head}{told}{comma}{rest}"
