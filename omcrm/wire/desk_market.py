"""What the desk's pages receive about markets and feeds."""

from typing import Self

from msgspec import Struct, structs

from omcrm.market.feed_event import FeedProblem
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Session, SessionState
from omcrm.wire.encoding import iso
from omcrm.wire.field import Time


class DeskFeedStatus(Struct, frozen=True, kw_only=True):
    """The status of one feed, ready to be shown: secrets are masked.

    `problem` is what `last_error` says, as a code with its figures; it may be long over. `cause` is
    why the feed brings no prices now: null where it does, stands by or was stopped.
    `unknown_conditions` counts the trades' conditions that are not known: such trades do not set
    the last price. `recorded_at` is when the recording began that it plays, null where its prices
    are of now.
    """

    state: FeedState
    active: bool
    type: str
    url: str | None
    connected_since: Time | None
    last_message_at: Time | None
    messages: int
    messages_per_second: float
    reconnects: int
    last_error: str | None
    price_class: PriceClass
    symbols: int
    unreadable: int
    unknown_conditions: int
    problem: FeedProblem | None
    cause: FeedProblem | None
    recorded_at: Time | None

    @classmethod
    def of(cls, status: FeedStatus) -> Self:
        """The message part of a status."""
        times = {
            "connected_since": iso(status.connected_since),
            "last_message_at": iso(status.last_message_at),
            "recorded_at": iso(status.recorded_at),
        }
        return cls(**{**structs.asdict(status), **times})


class DeskMarketState(Struct, frozen=True, kw_only=True):
    """One market at this moment."""

    name: str
    is_open: bool
    session: Session
    opens_at: Time | None
    closes_at: Time | None
    reason: str

    @classmethod
    def of(cls, state: SessionState) -> Self:
        """The message part of a market's state."""
        return cls(
            name=state.market,
            is_open=state.is_open,
            session=state.session,
            opens_at=iso(state.opens_at),
            closes_at=iso(state.closes_at),
            reason=state.reason,
        )


class DeskMarketStatus(Struct, frozen=True, kw_only=True):
    """Which markets are open, and how the feeds are doing."""

    is_market_hours: bool
    markets: list[DeskMarketState]
    active_data_feeds: int
    total_data_feeds: int
    connection_status: dict[str, DeskFeedStatus]
    timestamp: Time
