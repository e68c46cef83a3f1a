"""The messages of `/ws/market/feed`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from omcrm.gateways.market_feed import (
    MarketFeed,
    MarketFeedPing,
    MarketFeedResume,
    Subscribe,
    Unsubscribe,
)
from omcrm.market.price_class import PriceClass
from omcrm.reference.channel import SocketChannel, tagged
from omcrm.reference.news_item import JsonNewsItem
from omcrm.wire.field import Number, Time
from omcrm.wire.user_event import EventsExpired, ResumeAnswer, UserNotice

# What is sent


class MarketFeedSubscribed(Struct, kw_only=True, tag_field="type", tag="subscribed"):
    """Which of the requested symbols are subscribed; the current quotes follow."""

    symbols: list[str]
    level: Literal["basic", "advanced"]
    channels: list[Literal["quotes", "trades", "news"]]
    total_subscriptions: int


class MarketFeedUnsubscribed(Struct, kw_only=True, tag_field="type", tag="unsubscribed"):
    """The symbols that are no longer subscribed."""

    symbols: list[str]
    total_subscriptions: int


class MarketFeedPong(Struct, kw_only=True, tag_field="type", tag="pong"):
    """The answer to a ping, with the server's time."""

    timestamp: Time


class MarketFeedQuote(Struct, kw_only=True, tag_field="type", tag="quote"):
    """The newest quote of a symbol; fields that its source does not send are null."""

    symbol: str
    price: Number | None
    bid: Number | None
    ask: Number | None
    bidSize: Number | None  # noqa: N815
    askSize: Number | None  # noqa: N815
    volume: Number | None
    dayChange: Number | None  # noqa: N815
    dayChangePercent: Number | None  # noqa: N815
    timestamp: Time
    source: str
    price_class: PriceClass
    provider_time: Time | None
    seq: int


class MarketFeedTrade(Struct, kw_only=True, tag_field="type", tag="trade"):
    """One trade."""

    symbol: str
    price: Number
    size: Number | None
    timestamp: Time
    source: str
    price_class: PriceClass


class MarketFeedNews(JsonNewsItem, kw_only=True, tag_field="type", tag="news"):
    """A piece of news that mentions a subscribed symbol, in plain text."""


class MarketFeedPoint(Struct, kw_only=True):
    """A minute with trades; `price` is its close."""

    timestamp: Time
    price: Number
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None


class MarketFeedHistory(Struct, kw_only=True, tag_field="type", tag="history"):
    """The last minutes with trades of the source; none are invented."""

    symbol: str
    timeframe: Literal["1m"]
    source: str | None
    data: list[MarketFeedPoint]


class MarketFeedError(Struct, kw_only=True, tag_field="type", tag="error"):
    """An error; `detail` names the field, `symbols` and `channels` those that it concerns."""

    message: str
    code: Literal[
        "INVALID_JSON",
        "UNKNOWN_MESSAGE",
        "INVALID_MESSAGE",
        "UNKNOWN_SYMBOL",
        "SYMBOL_LIMIT_EXCEEDED",
        "CHANNEL_UNAVAILABLE",
        "HISTORY_LIMIT_EXCEEDED",
        "AUTHENTICATION_REQUIRED",
        "RATE_LIMITED",
        "TEXT_ONLY",
        "EVENTS_LOST",
        "INTERNAL_ERROR",
        "DATABASE_UNAVAILABLE",
    ]
    detail: str | UnsetType = UNSET
    symbols: list[str] | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET


class MarketFeedNotice(UserNotice, frozen=True, kw_only=True, tag_field="type", tag="notice"):
    """An event to the caller: something happened to the account."""


class MarketFeedResumed(ResumeAnswer, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """The answer to `resume`: every event after this number follows, each once and in order."""


class MarketFeedReload(EventsExpired, frozen=True, kw_only=True, tag_field="type", tag="reload"):
    """The answer to `resume` where the next events are deleted: load what you need again."""


MARKET_FEED = SocketChannel(
    dialect=MarketFeed.name,
    title="Market feed",
    path=MarketFeed.path,
    scope=MarketFeed.scope,
    about="Quotes, single trades and history, by actions in JSON.",
    received=(
        tagged(
            Subscribe,
            '{"action":"subscribe","symbols":["AAPL","MSFT"]}',
            '{"action":"subscribe","symbols":["BTC"],"channels":["quotes","trades"],"history":50}',
            answers=("subscribed", "quote", "trade", "news", "history", "error"),
        ),
        tagged(
            Unsubscribe,
            '{"action":"unsubscribe","symbols":["AAPL"]}',
            answers=("unsubscribed", "error"),
        ),
        tagged(MarketFeedPing, '{"action":"ping"}', answers=("pong",)),
        tagged(
            MarketFeedResume,
            '{"action":"resume","since":7}',
            answers=("resumed", "notice", "reload", "error"),
        ),
    ),
    sent=tuple(
        tagged(message)
        for message in (
            MarketFeedSubscribed,
            MarketFeedUnsubscribed,
            MarketFeedPong,
            MarketFeedQuote,
            MarketFeedTrade,
            MarketFeedNews,
            MarketFeedHistory,
            MarketFeedNotice,
            MarketFeedResumed,
            MarketFeedReload,
            MarketFeedError,
        )
    ),
)
