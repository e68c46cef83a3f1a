"""What is said on `/ws/realtime/`: everything in an envelope."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from omcrm.gateways.realtime import Realtime
from omcrm.gateways.realtime_message import (
    GetAssetPrice,
    GetPortfolioValue,
    RealtimePing,
    SubscribeAsset,
    SubscribePortfolio,
    UnsubscribeAsset,
    UnsubscribePortfolio,
)
from omcrm.market.price_class import PriceClass
from omcrm.reference.channel import Channel, tagged
from omcrm.reference.schema import Number, Time

# What is in the envelopes that are sent


class Greeting(Struct, kw_only=True):
    """Who has come; `user_id` is null for a stranger."""

    status: Literal["connected"]
    connection_id: str
    authenticated: bool
    user_id: int | None


class Moment(Struct, kw_only=True):
    """The server's time."""

    timestamp: Time


class Subscription(Struct, kw_only=True):
    """What is meant: an asset by its symbol, or a portfolio by its number."""

    type: Literal["asset", "portfolio"]
    symbol: str | UnsetType = UNSET
    portfolio_id: int | UnsetType = UNSET


class AssetFigures(Struct, kw_only=True):
    """An asset's price and day; `change` is counted from `change_basis`; null is not known."""

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


class AssetPriceNow(Struct, kw_only=True):
    """The current price; null where it is too old to be called so, which `last_price` tells."""

    symbol: str
    price: Number | None
    timestamp: Time | None
    last_price: Number | None
    age_seconds: float | None
    price_class: PriceClass | None
    source: str | None


class Covered(Struct, kw_only=True):
    """How far a value may be trusted: how much of it is live, and how many holdings lack what."""

    live_percent: Number | None
    is_complete: bool
    holdings: int
    without_value: int
    without_daily_change: int
    classes: dict[PriceClass, int]


class PortfolioWorth(Struct, kw_only=True):
    """What a portfolio is worth in `currency`, and how that has moved today."""

    portfolio_id: int
    name: str
    total_value: Number | None
    daily_change: Number | None
    daily_change_percent: Number | None
    updated_at: Time
    currency: str
    version: int
    coverage: Covered


class PortfolioValueNow(Struct, kw_only=True):
    """What a portfolio is worth now."""

    portfolio_id: int
    value: Number | None
    timestamp: Time
    currency: str
    coverage: Covered


class Wrong(Struct, kw_only=True):
    """What was wrong, in words and in a code; the rest names what it is about."""

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


class Envelope(Struct, kw_only=True, tag_field="type"):
    """What every message has; `timestamp` is when it was made."""

    timestamp: Time


class Connection(Envelope, kw_only=True, tag="connection"):
    """The greeting."""

    data: Greeting


class Pong(Envelope, kw_only=True, tag="pong"):
    """The answer to a ping."""

    data: Moment


class SubscriptionConfirmed(Envelope, kw_only=True, tag="subscription_confirmed"):
    """What is subscribed now; its current state follows."""

    data: Subscription


class UnsubscriptionConfirmed(Envelope, kw_only=True, tag="unsubscription_confirmed"):
    """What is subscribed no more."""

    data: Subscription


class AssetPrice(Envelope, kw_only=True, tag="asset_price"):
    """The price that was asked for."""

    data: AssetPriceNow


class PortfolioValue(Envelope, kw_only=True, tag="portfolio_value"):
    """The value that was asked for."""

    data: PortfolioValueNow


class AssetUpdate(Envelope, kw_only=True, tag="asset_update"):
    """The newest of a subscribed asset."""

    data: AssetFigures


class PortfolioUpdate(Envelope, kw_only=True, tag="portfolio_update"):
    """The newest of a subscribed portfolio."""

    data: PortfolioWorth


class Error(Envelope, kw_only=True, tag="error"):
    """What was not done, and why."""

    data: Wrong


_ASSET = '"data":{"symbol":"AAPL"}'
_PORTFOLIO = '"data":{"portfolio_id":1}'

REALTIME = Channel(
    dialect=Realtime.name,
    title="Realtime",
    path=Realtime.path,
    scope=Realtime.scope,
    about="Prices of assets, and values of the caller's portfolios.",
    received=(
        tagged(RealtimePing, '{"type":"ping","data":{}}', answers=("pong",)),
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
            Connection,
            Pong,
            SubscriptionConfirmed,
            UnsubscriptionConfirmed,
            AssetPrice,
            PortfolioValue,
            AssetUpdate,
            PortfolioUpdate,
            Error,
        )
    ),
)
