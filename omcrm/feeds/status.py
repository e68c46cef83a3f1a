"""The status of a feed, for people and programs."""

import re
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from omcrm.market.price_class import PriceClass


class FeedState(StrEnum):
    """The state of a feed.

    `connected` has no prices yet, `waiting` tries again later, `polling` gets answers, `standby`
    is polled when better sources fail.
    """

    OFF = "off"
    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    STREAMING = "streaming"
    WAITING = "waiting"
    POLLING = "polling"
    STANDBY = "standby"


class FeedStatus(Struct, frozen=True, kw_only=True):
    """The status of one feed, ready to be shown: secrets are masked."""

    state: FeedState
    active: bool
    type: str
    url: str | None = None
    connected_since: datetime | None = None
    last_message_at: datetime | None = None
    messages: int = 0
    messages_per_second: float = 0.0
    reconnects: int = 0
    last_error: str | None = None
    price_class: PriceClass = PriceClass.LIVE
    symbols: int = 0
    unreadable: int = 0


class Meter:
    """Counts messages and measures their present rate; one thread counts."""

    def __init__(self) -> None:
        self.total = 0
        self._rate = 0.0
        self._began: float | None = None
        self._counted = 0

    def rate(self, now: float) -> float:
        """Messages a second since the last measurement, which is at least a second ago."""
        if self._began is None:
            self._began, self._counted = now, self.total
        elif now - self._began >= 1.0:
            self._rate = (self.total - self._counted) / (now - self._began)
            self._began, self._counted = now, self.total
        return self._rate


_SECRET = re.compile(r"(?i)((?:token|key|apikey|api_key|secret|auth)=)[^&\s]+|(//)[^/@\s]+(?=@)")


def masked(text: str) -> str:
    """`text` without the secrets that URLs hold: query tokens and user names."""
    return _SECRET.sub(lambda match: f"{match[1] or match[2]}***", text)
