"""What can happen to the sources of prices."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class FeedEventKind(StrEnum):
    """What can happen."""

    TOOK_OVER = "took_over"
    GAVE_BACK = "gave_back"
    BEGAN = "began"
    STATE = "state"
    QUARANTINE = "quarantine"


class FeedEvent(Struct, frozen=True, kw_only=True):
    """One thing that happened; `source` is whom it happened to, `before` who spoke before.

    `silent_seconds` is how long the one before had said nothing believable.
    """

    at: datetime
    kind: FeedEventKind
    source: str
    before: str | None = None
    symbols: tuple[str, ...] = ()
    reason: str = ""
    silent_seconds: float | None = None
