"""Events of the feeds."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class FeedEventKind(StrEnum):
    """What happened."""

    TOOK_OVER = "took_over"
    GAVE_BACK = "gave_back"
    BEGAN = "began"
    STATE = "state"
    QUARANTINE = "quarantine"


class FeedEvent(Struct, frozen=True, kw_only=True):
    """One event; `source` is the source it is about, `before` the one that was active before.

    `silent_seconds` is how old the last price of the one before was.
    """

    at: datetime
    kind: FeedEventKind
    source: str
    before: str | None = None
    symbols: tuple[str, ...] = ()
    reason: str = ""
    silent_seconds: float | None = None
