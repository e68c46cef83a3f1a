"""The status of a feed, for people and programs."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from omcrm.market.feed_event import FeedProblem
from omcrm.market.price_class import PriceClass


class FeedState(StrEnum):
    """The state of a feed.

    `connecting` has no answer yet, `connected` no prices, `waiting` tries again later, `polling`
    gets prices, `standby` is polled when better sources fail.
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
    """The status of one feed, ready to be shown: secrets are masked.

    `problem` is what `last_error` says, as a code with its figures; it may be long over. `cause` is
    why the feed brings no prices now: None where it does, stands by or was stopped.
    `unknown_conditions` counts the trades' conditions that are not known: such trades do not set
    the last price. `recorded_at` is when the recording began that it plays, None where its prices
    are of now.
    """

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
    unknown_conditions: int = 0
    problem: FeedProblem | None = None
    cause: FeedProblem | None = None
    recorded_at: datetime | None = None
