"""What was wrong with a price that was shown, and what said so."""

from enum import StrEnum

from msgspec import Struct


class ViolationKind(StrEnum):
    """The evidence against a price that is shown all the same: its own age, another channel of its
    source, another live source, the open market of one that is `closed`; or none was looked at."""

    AGE = "age"
    CHANNEL = "channel"
    SOURCE = "source"
    CLOSED = "closed"
    UNCHECKED = "unchecked"


class Violation(Struct, frozen=True):
    """A price that should not have been shown as it was, in words."""

    kind: ViolationKind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"
