"""The messages of `/ws/realtime/`: every one in an envelope."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from omcrm.gateways.realtime import Realtime
from omcrm.gateways.realtime_message import (
    GetAssetPrice,
    GetPortfolioValue,
    RealtimePing,
    RealtimeResume,
    SubscribeAsset,
    SubscribePortfolio,
    UnsubscribeAsset,
    UnsubscribePortfolio,
)
from omcrm.market.price_class import PriceClass
from omcrm.reference.channel import SocketChannel, tagged
from omcrm.wire.field import Number, Time
from omcrm.wire.user_event import EventsExpired, ResumeAnswer, UserNotice

# The contents of the envelopes that are sent


class RealtimeGreeting(Struct, kw_only=True):
    """Who has connected; `user_id` is null for a stranger."""

    status: Literal["connected"]
    connection_id: str
    authenticated: bool
    user_id: int | None


class RealtimeMoment(Struct, kw_only=True):
    """The server's time."""

    timestamp: Time


class RealtimeSubscription(Struct, kw_only=True):
    """The subject of a subscription: an asset by its symbol, or a portfolio by its number."""

    type: Literal["asset", "portfolio"]
    symbol: str | UnsetType = UNSET
    portfolio_id: int | UnsetType = UNSET


class RealtimeAssetFigures(Struct, kw_only=True):
    """An asset's price and figures of the day; `change` is relative to `change_basis`; unknown
    figures are null."""

    symbol: str
    price: Number | None
    change: Number | None
    change_percent: Number | None
    change_basis: Literal["24h", "previous_close"] | None
    volume: Number | None
    high: Number | None
    low: Number | None
    timestamp: Time | None
    price_class: PriceClass | None
    source: str | None
    provider_time: Time | None
    seq: int | None


class RealtimeAssetPriceNow(Struct, kw_only=True):
    """The current price; null where the newest is too old, which `last_price` then has."""

    symbol: str
    price: Number | None
    timestamp: Time | None
    last_price: Number | None
    age_seconds: float | None
    price_class: PriceClass | None
    source: str | None


class RealtimeCoverage(Struct, kw_only=True):
    """How complete a value is: its live share, and how many holdings lack a value or a change."""

    live_percent: Number | None
    is_complete: bool
    holdings: int
    without_value: int
    without_daily_change: int
    classes: dict[PriceClass, int]


class RealtimePortfolioFigures(Struct, kw_only=True):
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


class RealtimePortfolioValueNow(Struct, kw_only=True):
    """A portfolio's current value."""

    portfolio_id: int
    value: Number | None
    timestamp: Time
    currency: str
    coverage: RealtimeCoverage


class RealtimeWrong(Struct, kw_only=True):
    """An error, in words and as a code; the other fields name what it concerns."""

    message: str
    code: Literal[
        "INVALID_JSON",
        "UNKNOWN_MESSAGE",
        "INVALID_MESSAGE",
        "UNKNOWN_SYMBOL",
        "LIMIT_EXCEEDED",
        "AUTHENTICATION_REQUIRED",
        "INSUFFICIENT_SCOPE",
        "ACCESS_DENIED",
        "RATE_LIMITED",
        "TEXT_ONLY",
        "EVENTS_LOST",
        "INTERNAL_ERROR",
        "DATABASE_UNAVAILABLE",
    ]
    detail: str | UnsetType = UNSET
    symbol: str | UnsetType = UNSET
    portfolio_id: int | UnsetType = UNSET


# The envelopes


class RealtimeEnvelope(Struct, kw_only=True, tag_field="type"):
    """The field of every message; `timestamp` is when it was made."""

    timestamp: Time


class RealtimeConnection(RealtimeEnvelope, kw_only=True, tag="connection"):
    """The greeting."""

    data: RealtimeGreeting


class RealtimePong(RealtimeEnvelope, kw_only=True, tag="pong"):
    """The answer to a ping."""

    data: RealtimeMoment


class RealtimeSubscriptionConfirmed(RealtimeEnvelope, kw_only=True, tag="subscription_confirmed"):
    """A new subscription; its current state follows."""

    data: RealtimeSubscription


class RealtimeUnsubscriptionConfirmed(
    RealtimeEnvelope, kw_only=True, tag="unsubscription_confirmed"
):
    """A subscription that ended."""

    data: RealtimeSubscription


class RealtimeAssetPrice(RealtimeEnvelope, kw_only=True, tag="asset_price"):
    """The requested price."""

    data: RealtimeAssetPriceNow


class RealtimePortfolioValue(RealtimeEnvelope, kw_only=True, tag="portfolio_value"):
    """The requested value."""

    data: RealtimePortfolioValueNow


class RealtimeAssetUpdate(RealtimeEnvelope, kw_only=True, tag="asset_update"):
    """The newest figures of a subscribed asset."""

    data: RealtimeAssetFigures


class RealtimePortfolioUpdate(RealtimeEnvelope, kw_only=True, tag="portfolio_update"):
    """The newest figures of a subscribed portfolio."""

    data: RealtimePortfolioFigures


class RealtimeNotice(RealtimeEnvelope, kw_only=True, tag="notice"):
    """An event to the caller: something happened to the account."""

    data: UserNotice


class RealtimeResumed(RealtimeEnvelope, kw_only=True, tag="resumed"):
    """The answer to `resume`."""

    data: ResumeAnswer


class RealtimeReload(RealtimeEnvelope, kw_only=True, tag="reload"):
    """The answer to `resume` where the next events are deleted."""

    data: EventsExpired


class RealtimeError(RealtimeEnvelope, kw_only=True, tag="error"):
    """Why a request was refused."""

    data: RealtimeWrong


_ASSET = '"data":{"symbol":"AAPL"}'
_PORTFOLIO = '"data":{"portfolio_id":1}'

REALTIME = SocketChannel(
    dialect=Realtime.name,
    title="Realtime",
    path=Realtime.path,
    scope=Realtime.scope,
    about="Prices of assets, and values of the caller's portfolios.",
    received=(
        tagged(RealtimePing, '{"type":"ping","data":{}}', answers=("pong",)),
        tagged(
            RealtimeResume,
            '{"type":"resume","data":{"since":7}}',
            answers=("resumed", "notice", "reload", "error"),
        ),
        tagged(
            SubscribeAsset,
            f'{{"type":"subscribe_asset",{_ASSET}}}',
            answers=("subscription_confirmed", "asset_update", "error"),
        ),
        tagged(
            UnsubscribeAsset,
            f'{{"type":"unsubscribe_asset",{_ASSET}}}',
            answers=("unsubscription_confirmed", "error"),
        ),
        tagged(
            SubscribePortfolio,
            f'{{"type":"subscribe_portfolio",{_PORTFOLIO}}}',
            answers=("subscription_confirmed", "portfolio_update", "error"),
        ),
        tagged(
            UnsubscribePortfolio,
            f'{{"type":"unsubscribe_portfolio",{_PORTFOLIO}}}',
            answers=("unsubscription_confirmed", "error"),
        ),
        tagged(
            GetAssetPrice,
            f'{{"type":"get_asset_price",{_ASSET}}}',
            answers=("asset_price", "error"),
        ),
        tagged(
            GetPortfolioValue,
            f'{{"type":"get_portfolio_value",{_PORTFOLIO}}}',
            answers=("portfolio_value", "error"),
        ),
    ),
    sent=tuple(
        tagged(message)
        for message in (
            RealtimeConnection,
            RealtimePong,
            RealtimeSubscriptionConfirmed,
            RealtimeUnsubscriptionConfirmed,
            RealtimeAssetPrice,
            RealtimePortfolioValue,
            RealtimeAssetUpdate,
            RealtimePortfolioUpdate,
            RealtimeNotice,
            RealtimeResumed,
            RealtimeReload,
            RealtimeError,
        )
    ),
)
