"""The messages of `/ws/market/feed`."""

from typing import Annotated, Literal, Self, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.market.bar import KEPT, Bar
from omcrm.market.day_change import day_change
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote
from omcrm.wire.channel import SocketChannel, tagged
from omcrm.wire.encoding import iso, iso_or_unset
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.field import Number, RecordedAt, Symbol, Time
from omcrm.wire.news import JsonNewsItem
from omcrm.wire.user_event import (
    EventsExpired,
    ResumeAfter,
    ResumeAnswer,
    UserNotice,
)

# Far above any limit on subscriptions, so that the symbols beyond the limit can be named.
Symbols = Annotated[list[Symbol], Meta(min_length=1, max_length=1000)]
Channel = Literal["quotes", "trades", "level2", "news", "alerts"]
ServedChannel = Literal["quotes", "trades", "news"]
Level = Literal["basic", "advanced"]

# What clients send


class MarketFeedRequest(Struct, frozen=True, omit_defaults=True, tag_field="action"):
    """A message of a client."""


class Subscribe(MarketFeedRequest, frozen=True, tag="subscribe"):
    """Subscribe to symbols; `level` is only sent back, `history` is a number of minutes."""

    symbols: Symbols
    level: Level = "basic"
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=50)] = ("quotes",)
    history: Annotated[int, Meta(ge=0, le=KEPT)] = 0


class Unsubscribe(MarketFeedRequest, frozen=True, tag="unsubscribe"):
    """Unsubscribe from these symbols on every channel."""

    symbols: Symbols


class MarketFeedPing(MarketFeedRequest, frozen=True, tag="ping"):
    """Ask for a `pong`."""


class MarketFeedResume(
    ResumeAfter, frozen=True, omit_defaults=True, tag_field="action", tag="resume"
):
    """Ask for the events to the caller after the number `since`; without it, from now on."""


# What they receive


class MarketFeedSubscribed(Struct, frozen=True, kw_only=True, tag_field="type", tag="subscribed"):
    """Which of the requested symbols are subscribed; the current quotes follow."""

    symbols: list[str]
    level: Level
    channels: list[ServedChannel]
    total_subscriptions: int


class MarketFeedUnsubscribed(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="unsubscribed"
):
    """The symbols that are no longer subscribed."""

    symbols: list[str]
    total_subscriptions: int


class MarketFeedPong(Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    """The answer to a ping, with the server's time."""

    timestamp: Time


class MarketFeedQuote(Struct, frozen=True, kw_only=True, tag_field="type", tag="quote"):
    """The newest quote of a symbol; fields that its source does not send are null.

    `volume`, `dayChange` and `dayChangePercent` are of the source's day.
    """

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
    price_basis: PriceBasis
    provider_time: Time | None
    seq: int
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, quote: Quote, instrument: Instrument | None) -> Self:
        """The message of a quote of this instrument."""
        return cls(
            symbol=quote.symbol,
            price=quote.last,
            bid=quote.bid,
            ask=quote.ask,
            bidSize=quote.bid_size,
            askSize=quote.ask_size,
            volume=quote.volume,
            dayChange=day_change(quote, instrument),
            dayChangePercent=quote.change_percent,
            timestamp=iso(quote.received_at),
            source=quote.source.name,
            price_class=quote.price_class,
            price_basis=quote.price_basis,
            provider_time=iso(quote.provider_time),
            seq=quote.seq,
            recorded_at=iso_or_unset(quote.recorded_at),
        )


class MarketFeedTrade(Struct, frozen=True, kw_only=True, tag_field="type", tag="trade"):
    """One trade."""

    symbol: str
    price: Number
    size: Number | None
    timestamp: Time
    source: str
    price_class: PriceClass
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """The message of the trade that brought a quote."""
        return cls(
            symbol=quote.symbol,
            price=quote.last,
            size=quote.last_size,
            timestamp=iso(quote.provider_time or quote.received_at),
            source=quote.source.name,
            price_class=quote.price_class,
            recorded_at=iso_or_unset(quote.recorded_at),
        )


class MarketFeedNews(JsonNewsItem, frozen=True, kw_only=True, tag_field="type", tag="news"):
    """A piece of news that mentions a subscribed symbol, in plain text."""


class MarketFeedPoint(Struct, frozen=True, kw_only=True):
    """A minute with trades, or with mids; `price` is its close."""

    timestamp: Time
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None
    price: Number
    price_basis: PriceBasis

    @classmethod
    def of(cls, bar: Bar) -> Self:
        """The point of a bar."""
        return cls(
            timestamp=iso(bar.timestamp),
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            price=bar.close,
            price_basis=bar.price_basis,
        )


class MarketFeedHistory(Struct, frozen=True, kw_only=True, tag_field="type", tag="history"):
    """The last minutes with trades of the source; none are invented."""

    symbol: str
    timeframe: Literal["1m"]
    source: str | None
    data: list[MarketFeedPoint]


class MarketFeedError(Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """An error; `detail` names the field, `symbols` and `channels` those that it concerns."""

    message: str
    code: ErrorCode
    detail: str | UnsetType = UNSET
    symbols: list[str] | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET


class MarketFeedNotice(UserNotice, frozen=True, kw_only=True, tag_field="type", tag="notice"):
    """An event to the caller: something happened to the account."""


class MarketFeedResumed(ResumeAnswer, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """The answer to `resume`: every event after this number follows, each once and in order."""


class MarketFeedReload(EventsExpired, frozen=True, kw_only=True, tag_field="type", tag="reload"):
    """The answer to `resume` where the next events are deleted: load what you need again."""


MarketFeedMessage = (
    MarketFeedSubscribed
    | MarketFeedUnsubscribed
    | MarketFeedPong
    | MarketFeedQuote
    | MarketFeedTrade
    | MarketFeedNews
    | MarketFeedHistory
    | MarketFeedNotice
    | MarketFeedResumed
    | MarketFeedReload
    | MarketFeedError
)
"""Every message that is sent."""

MARKET_FEED = SocketChannel(
    name="market_feed",
    title="Market feed",
    path="/ws/market/feed",
    about="Quotes, single trades and history, by actions in JSON.",
    received=(
        tagged(
            Subscribe,
            Subscribe(symbols=["AAPL", "MSFT"]),
            Subscribe(symbols=["BTC"], channels=("quotes", "trades"), history=50),
            answers=("subscribed", "quote", "trade", "news", "history", "error"),
        ),
        tagged(Unsubscribe, Unsubscribe(symbols=["AAPL"]), answers=("unsubscribed", "error")),
        tagged(MarketFeedPing, MarketFeedPing(), answers=("pong",)),
        tagged(
            MarketFeedResume,
            MarketFeedResume(since=7),
            answers=("resumed", "notice", "reload", "error"),
        ),
    ),
    sent=tuple(tagged(body) for body in get_args(MarketFeedMessage)),
)
