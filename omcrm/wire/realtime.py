"""What `/ws/realtime/` sends: every message in an envelope; and the channel."""

from datetime import UTC, datetime
from typing import Generic, Literal, Self, TypeVar, get_args

from msgspec import UNSET, Struct, UnsetType

from omcrm.market.price_class import PriceClass
from omcrm.wire.channel import SocketChannel, tagged
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.field import Number, Time
from omcrm.wire.realtime_asset import RealtimeAssetFigures, RealtimeAssetPriceNow
from omcrm.wire.realtime_request import (
    AssetRef,
    GetAssetPrice,
    GetPortfolioValue,
    PortfolioRef,
    RealtimePing,
    RealtimeResume,
    SubscribeAsset,
    SubscribePortfolio,
    UnsubscribeAsset,
    UnsubscribePortfolio,
)
from omcrm.wire.user_event import (
    EventsExpired,
    ResumeAfter,
    ResumeAnswer,
    UserNotice,
)

Data = TypeVar("Data")

# The contents of the envelopes


class RealtimeGreeting(Struct, frozen=True, kw_only=True):
    """Who has connected; `user_id` is null for a stranger."""

    status: Literal["connected"]
    connection_id: str
    authenticated: bool
    user_id: int | None


class RealtimeMoment(Struct, frozen=True, kw_only=True):
    """The server's time."""

    timestamp: Time


class RealtimeSubscription(Struct, frozen=True, kw_only=True):
    """The subject of a subscription: an asset by its symbol, or a portfolio by its number."""

    type: Literal["asset", "portfolio"]
    symbol: str | UnsetType = UNSET
    portfolio_id: int | UnsetType = UNSET


class RealtimeCoverage(Struct, frozen=True, kw_only=True):
    """How complete a value is: its live share, and how many holdings lack a value or a change."""

    live_percent: Number | None
    is_complete: bool
    holdings: int
    without_value: int
    without_daily_change: int
    classes: dict[PriceClass, int]


class RealtimePortfolioFigures(Struct, frozen=True, kw_only=True):
    """A portfolio's value in `currency`, and its change today."""

    portfolio_id: int
    name: str
    total_value: Number | None
    daily_change: Number | None
    daily_change_percent: Number | None
    updated_at: Time
    currency: str
    version: int
    coverage: RealtimeCoverage


class RealtimePortfolioValueNow(Struct, frozen=True, kw_only=True):
    """A portfolio's current value."""

    portfolio_id: int
    value: Number | None
    timestamp: Time
    currency: str
    coverage: RealtimeCoverage


class RealtimeWrong(Struct, frozen=True, kw_only=True):
    """An error, in words and as a code; the other fields name what it concerns."""

    message: str
    code: ErrorCode
    detail: str | UnsetType = UNSET
    symbol: str | UnsetType = UNSET
    portfolio_id: int | UnsetType = UNSET


# The envelopes


class RealtimeEnvelope(Struct, Generic[Data], frozen=True, kw_only=True, tag_field="type"):
    """A message with its content; `timestamp` is when it was made."""

    data: Data
    timestamp: Time

    @classmethod
    def of(cls, data: Data) -> Self:
        """The message with the current time."""
        return cls(data=data, timestamp=iso(datetime.now(UTC)))


class RealtimeConnection(RealtimeEnvelope[RealtimeGreeting], frozen=True, tag="connection"):
    """The greeting."""


class RealtimePong(RealtimeEnvelope[RealtimeMoment], frozen=True, tag="pong"):
    """The answer to a ping."""


class RealtimeSubscriptionConfirmed(
    RealtimeEnvelope[RealtimeSubscription], frozen=True, tag="subscription_confirmed"
):
    """A new subscription; its current state follows."""


class RealtimeUnsubscriptionConfirmed(
    RealtimeEnvelope[RealtimeSubscription], frozen=True, tag="unsubscription_confirmed"
):
    """A subscription that ended."""


class RealtimeAssetPrice(RealtimeEnvelope[RealtimeAssetPriceNow], frozen=True, tag="asset_price"):
    """The requested price."""


class RealtimePortfolioValue(
    RealtimeEnvelope[RealtimePortfolioValueNow], frozen=True, tag="portfolio_value"
):
    """The requested value."""


class RealtimeAssetUpdate(RealtimeEnvelope[RealtimeAssetFigures], frozen=True, tag="asset_update"):
    """The newest figures of a subscribed asset."""


class RealtimePortfolioUpdate(
    RealtimeEnvelope[RealtimePortfolioFigures], frozen=True, tag="portfolio_update"
):
    """The newest figures of a subscribed portfolio."""


class RealtimeNotice(RealtimeEnvelope[UserNotice], frozen=True, tag="notice"):
    """An event to the caller: something happened to the account."""


class RealtimeResumed(RealtimeEnvelope[ResumeAnswer], frozen=True, tag="resumed"):
    """The answer to `resume`."""


class RealtimeReload(RealtimeEnvelope[EventsExpired], frozen=True, tag="reload"):
    """The answer to `resume` where the next events are deleted."""


class RealtimeError(RealtimeEnvelope[RealtimeWrong], frozen=True, tag="error"):
    """Why a request was refused."""


RealtimeSent = (
    RealtimeConnection
    | RealtimePong
    | RealtimeSubscriptionConfirmed
    | RealtimeUnsubscriptionConfirmed
    | RealtimeAssetPrice
    | RealtimePortfolioValue
    | RealtimeAssetUpdate
    | RealtimePortfolioUpdate
    | RealtimeNotice
    | RealtimeResumed
    | RealtimeReload
    | RealtimeError
)
"""Every message that is sent."""

_ASSET, _PORTFOLIO = AssetRef(symbol="AAPL"), PortfolioRef(portfolio_id=1)

REALTIME = SocketChannel(
    name="realtime",
    title="Realtime",
    path="/ws/realtime/",
    about="Prices of assets, and values of the caller's portfolios.",
    received=(
        tagged(RealtimePing, RealtimePing(), answers=("pong",)),
        tagged(
            RealtimeResume,
            RealtimeResume(data=ResumeAfter(since=7)),
            answers=("resumed", "notice", "reload", "error"),
        ),
        tagged(
            SubscribeAsset,
            SubscribeAsset(data=_ASSET),
            answers=("subscription_confirmed", "asset_update", "error"),
        ),
        tagged(
            UnsubscribeAsset,
            UnsubscribeAsset(data=_ASSET),
            answers=("unsubscription_confirmed", "error"),
        ),
        tagged(
            SubscribePortfolio,
            SubscribePortfolio(data=_PORTFOLIO),
            answers=("subscription_confirmed", "portfolio_update", "error"),
        ),
        tagged(
            UnsubscribePortfolio,
            UnsubscribePortfolio(data=_PORTFOLIO),
            answers=("unsubscription_confirmed", "error"),
        ),
        tagged(GetAssetPrice, GetAssetPrice(data=_ASSET), answers=("asset_price", "error")),
        tagged(
            GetPortfolioValue,
            GetPortfolioValue(data=_PORTFOLIO),
            answers=("portfolio_value", "error"),
        ),
    ),
    sent=tuple(tagged(body) for body in get_args(RealtimeSent)),
)
