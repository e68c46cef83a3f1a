"""The messages between the desk's pages and the server over Socket.IO."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.market.feed_status import FeedStatus
from omcrm.market.session import Session
from omcrm.reference.channel import SocketChannel, SocketMessage
from omcrm.webtrader.messages import Instruments, PriceHistory
from omcrm.wire.desk import DeskCandle, DeskPriceUpdate
from omcrm.wire.field import Time
from omcrm.wire.user_event import EventNumber, ResumeAfter, ResumeAnswer, UserNotice

# What is sent


class DeskBrief(Struct, kw_only=True):
    """An instrument, in short."""

    id: int
    symbol: str
    name: str
    type: Literal["crypto", "stock", "forex"]


class DeskRejected(Struct, kw_only=True):
    """An instrument that was refused; with its `id` where the request gave that."""

    symbol: str | None
    code: Literal["UNKNOWN_SYMBOL", "LIMIT_EXCEEDED"]
    id: int | UnsetType = UNSET


class DeskSubscribed(Struct, kw_only=True):
    """What is subscribed now, and the resume token."""

    message: str
    instruments: list[DeskBrief]
    rejected: list[DeskRejected]
    epoch: str | UnsetType = UNSET
    seq: Annotated[int | UnsetType, Meta(description="0 where some prices are still pending.")] = (
        UNSET
    )
    max_rate: float | UnsetType = UNSET


class DeskUnsubscribed(Struct, kw_only=True):
    """The symbols that are no longer subscribed."""

    message: str
    symbols: list[str]


class DeskRefused(Struct, kw_only=True):
    """Why a request was refused."""

    message: str
    code: Literal["UNKNOWN_SYMBOL", "LIMIT_EXCEEDED", "INVALID_PAYLOAD", "DATABASE_UNAVAILABLE"]
    rejected: list[DeskRejected] | UnsetType = UNSET


class DeskReload(Struct, kw_only=True):
    """The page must request its data again: events were dropped because it did not read
    (EVENTS_LOST), or those after the number of its `resume` are deleted (EVENTS_EXPIRED)."""

    message: str
    code: Literal["EVENTS_LOST", "EVENTS_EXPIRED"]
    event: EventNumber | UnsetType = UNSET


class DeskCandles(Struct, kw_only=True):
    """Real candles of the symbol's active source, or none."""

    symbol: str
    timeframe: str
    source: str | None
    data: list[DeskCandle]


class DeskMarketState(Struct, kw_only=True):
    """One market at this moment."""

    name: str
    is_open: bool
    session: Session
    opens_at: Time | None
    closes_at: Time | None
    reason: str


class DeskMarketStatus(Struct, kw_only=True):
    """Which markets are open, and how the feeds are doing."""

    is_market_hours: bool
    markets: list[DeskMarketState]
    active_data_feeds: int
    total_data_feeds: int
    connection_status: dict[str, FeedStatus]
    timestamp: Time


class DeskPong(Struct, kw_only=True):
    """The answer to a ping, with the server's time."""

    timestamp: Time


DESK = SocketChannel(
    dialect="desk",
    title="The desk",
    path="/socket.io/",
    namespace="/webtrader",
    about=(
        "Socket.IO 5 over Engine.IO 4 (WebSocket or long-polling), for pages with a login. "
        "An answer is also the acknowledgement, where one is asked for."
    ),
    received=(
        SocketMessage(
            name="subscribe_to_instruments",
            body=Instruments,
            about="Request the newest price of each instrument and every change.",
            examples=('{"symbols":["BTC","AAPL"]}', '{"instrument_ids":[1,2],"max_rate":1}'),
            answers=("subscription_success", "subscription_error", "price_update"),
        ),
        SocketMessage(
            name="unsubscribe_from_instruments",
            body=Instruments,
            about="End these subscriptions.",
            examples=('{"symbols":["AAPL"]}',),
            answers=("unsubscription_success", "subscription_error"),
        ),
        SocketMessage(
            name="get_price_history",
            body=PriceHistory,
            about="Request the candles of a symbol.",
            examples=('{"symbol":"BTC","timeframe":"1m","limit":100}',),
            answers=("price_history", "subscription_error"),
        ),
        SocketMessage(
            name="get_market_status",
            body=None,
            about="Request which markets are open.",
            examples=("null",),
            answers=("market_status",),
        ),
        SocketMessage(
            name="resume",
            body=ResumeAfter,
            about="Request the events to the user that the page missed, and all later ones.",
            examples=('{"since":7}', "{}"),
            answers=("resumed", "notice", "reload", "subscription_error"),
        ),
        SocketMessage(
            name="ping",
            body=None,
            about="Check that the server answers.",
            examples=("null",),
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
            body=dict[str, FeedStatus],
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
