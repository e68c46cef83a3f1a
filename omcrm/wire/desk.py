"""What the desk's pages receive; and the channel, Socket.IO.

Long for a reason: all messages of one channel stand in one file.
"""

from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.market.bar import Bar
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote, StaleReason
from omcrm.wire import encoding
from omcrm.wire.channel import SocketChannel, SocketMessage
from omcrm.wire.desk_market import DeskFeedStatus, DeskMarketStatus
from omcrm.wire.desk_request import Instruments, PriceHistory
from omcrm.wire.encoding import iso, iso_or_unset
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.field import Number, RecordedAt, Time
from omcrm.wire.user_event import (
    EventNumber,
    EventsExpired,
    ResumeAfter,
    ResumeAnswer,
    UserNotice,
)

# Prices


class DeskPriceUpdate(Struct, frozen=True, kw_only=True):
    """The newest quote of one symbol; fields that its source does not send are null."""

    symbol: str
    price: Number | None
    change_24h: Annotated[Number | None, Meta(description="In percent.")]
    timestamp: Time
    bid: Number | None
    ask: Number | None
    open_24h: Number | None
    high_24h: Number | None
    low_24h: Number | None
    volume_24h: Number | None
    source: str
    price_class: PriceClass
    price_basis: PriceBasis
    provider_time: Time | None
    received_at: Time
    seq: Annotated[int, Meta(description="Rises with each change of any symbol.")]
    recorded_at: RecordedAt = UNSET
    stale_reason: (
        Annotated[StaleReason, Meta(description="Only with stale prices.")] | UnsetType
    ) = UNSET
    divergence: (
        Annotated[
            float,
            Meta(
                description="How far another live source is, as a fraction; only where that is far "
                "more than usual."
            ),
        ]
        | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """The message of a quote."""
        received_at = iso(quote.received_at)
        return cls(
            symbol=quote.symbol,
            price=quote.last,
            change_24h=quote.change_percent,
            timestamp=received_at,
            bid=quote.bid,
            ask=quote.ask,
            open_24h=quote.open,
            high_24h=quote.high,
            low_24h=quote.low,
            volume_24h=quote.volume,
            source=quote.source.name,
            price_class=quote.price_class,
            price_basis=quote.price_basis,
            provider_time=iso(quote.provider_time),
            received_at=received_at,
            seq=quote.seq,
            recorded_at=iso_or_unset(quote.recorded_at),
            stale_reason=UNSET if quote.stale_reason is None else quote.stale_reason,
            divergence=UNSET if quote.divergence is None else quote.divergence,
        )

    @classmethod
    def event(cls, quote: Quote) -> str:
        """The Socket.IO event of a quote, as it goes over the wire to all its subscribers."""
        return f"42{NAMESPACE},{encoding.dumps(['price_update', cls.of(quote)])}"


class DeskCandle(Struct, frozen=True, kw_only=True):
    """The trades of one interval, which begins at `timestamp`; or its mids, without a volume."""

    timestamp: Time
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None
    price_basis: PriceBasis

    @classmethod
    def of(cls, bar: Bar) -> Self:
        """The message of a bar."""
        return cls(
            timestamp=iso(bar.timestamp),
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            price_basis=bar.price_basis,
        )


class DeskCandles(Struct, frozen=True, kw_only=True):
    """Real candles of the symbol's active source, or none."""

    symbol: str
    timeframe: str
    source: str | None
    data: list[DeskCandle]


# Subscriptions


class DeskBrief(Struct, frozen=True, kw_only=True):
    """An instrument, in short."""

    id: int
    symbol: str
    name: str
    type: AssetClass

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """The message part of an instrument."""
        return cls(
            id=instrument.id,
            symbol=instrument.symbol,
            name=instrument.name,
            type=instrument.asset_class,
        )


class DeskRejected(Struct, frozen=True, kw_only=True):
    """An instrument that was refused; with its `id` where the request gave that."""

    symbol: str | None
    id: int | UnsetType = UNSET
    code: ErrorCode


class DeskSubscribed(Struct, frozen=True, kw_only=True):
    """What is subscribed now, and the resume token."""

    message: str
    instruments: list[DeskBrief]
    rejected: list[DeskRejected]
    epoch: str | UnsetType = UNSET
    seq: Annotated[int | UnsetType, Meta(description="0 where some prices are still pending.")] = (
        UNSET
    )
    max_rate: float | UnsetType = UNSET


class DeskUnsubscribed(Struct, frozen=True, kw_only=True):
    """The symbols that are no longer subscribed."""

    message: str
    symbols: list[str]


class DeskRefused(Struct, frozen=True, kw_only=True):
    """Why a request was refused."""

    message: str
    code: ErrorCode
    rejected: list[DeskRejected] | UnsetType = UNSET


# Events that a page missed


class DeskReload(Struct, frozen=True, kw_only=True):
    """The page must request its data again: events were dropped because it did not read
    (EVENTS_LOST), or those after the number of its `resume` are deleted (EVENTS_EXPIRED)."""

    event: EventNumber | UnsetType = UNSET
    code: ErrorCode
    message: str

    @classmethod
    def of(cls, expired: EventsExpired) -> Self:
        """The message to a page whose `resume` came too late."""
        code = ErrorCode.EVENTS_EXPIRED
        return cls(event=expired.event, code=code, message=expired.message)


class DeskPong(Struct, frozen=True, kw_only=True):
    """The answer to a ping, with the server's time."""

    timestamp: Time


NAMESPACE = "/webtrader"

DESK = SocketChannel(
    name="desk",
    title="The desk",
    path="/socket.io/",
    namespace=NAMESPACE,
    about=(
        "Socket.IO 5 over Engine.IO 4 (WebSocket or long-polling), for pages with a login. "
        "An answer is also the acknowledgement, where one is asked for."
    ),
    received=(
        SocketMessage(
            name="subscribe_to_instruments",
            body=Instruments,
            about="Request the newest price of each instrument and every change.",
            examples=(
                Instruments(symbols=["BTC", "AAPL"]),
                Instruments(instrument_ids=[1, 2], max_rate=0.5),
            ),
            answers=("subscription_success", "subscription_error", "price_update"),
        ),
        SocketMessage(
            name="unsubscribe_from_instruments",
            body=Instruments,
            about="End these subscriptions.",
            examples=(Instruments(symbols=["AAPL"]),),
            answers=("unsubscription_success", "subscription_error"),
        ),
        SocketMessage(
            name="get_price_history",
            body=PriceHistory,
            about="Request the candles of a symbol.",
            examples=(PriceHistory(symbol="BTC", timeframe="1m", limit=100),),
            answers=("price_history", "subscription_error"),
        ),
        SocketMessage(
            name="get_market_status",
            body=None,
            about="Request which markets are open.",
            examples=(None,),
            answers=("market_status",),
        ),
        SocketMessage(
            name="resume",
            body=ResumeAfter,
            about="Request the events to the user that the page missed, and all later ones.",
            examples=(ResumeAfter(since=7), ResumeAfter()),
            answers=("resumed", "notice", "reload", "subscription_error"),
        ),
        SocketMessage(
            name="ping",
            body=None,
            about="Check that the server answers.",
            examples=(None,),
            answers=("pong",),
        ),
    ),
    sent=(
        SocketMessage(
            name="price_update", body=DeskPriceUpdate, about="A price, when subscribed to it."
        ),
        SocketMessage(
            name="subscription_success", body=DeskSubscribed, about="The new subscriptions."
        ),
        SocketMessage(
            name="unsubscription_success", body=DeskUnsubscribed, about="The ended subscriptions."
        ),
        SocketMessage(
            name="subscription_error", body=DeskRefused, about="A refused request, and why."
        ),
        SocketMessage(name="price_history", body=DeskCandles, about="The requested candles."),
        SocketMessage(name="market_status", body=DeskMarketStatus, about="Which markets are open."),
        SocketMessage(name="pong", body=DeskPong, about="The answer to a ping."),
        SocketMessage(
            name="connection_status",
            body=dict[str, DeskFeedStatus],
            about="How each source is doing, by its name: on connecting and on each change.",
        ),
        SocketMessage(
            name="notice",
            body=UserNotice,
            about="An event to the user: something happened to the account.",
        ),
        SocketMessage(
            name="resumed", body=ResumeAnswer, about="Every event after this number follows."
        ),
        SocketMessage(
            name="reload", body=DeskReload, about="Events were lost: request the data again."
        ),
    ),
)


DeskMessage = (
    DeskSubscribed
    | DeskUnsubscribed
    | DeskRefused
    | DeskCandles
    | DeskMarketStatus
    | DeskPong
    | DeskReload
    | UserNotice
    | ResumeAnswer
)
"""What is emitted; prices are sent by the fan-out."""
