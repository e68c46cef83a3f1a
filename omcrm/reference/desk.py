"""What the desk's pages and the server say to each other over Socket.IO."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.feeds.status import FeedStatus
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Session
from omcrm.reference.channel import Channel, Message
from omcrm.reference.schema import Number, Time
from omcrm.webtrader.messages import Instruments, PriceHistory

# What is sent


class PriceUpdate(Struct, kw_only=True):
    """The newest of one symbol; what its source does not say is null."""

    symbol: str
    price: Number | None
    change_24h: Annotated[float | None, Meta(description="In percent.")]
    timestamp: Time
    bid: Number | None
    ask: Number | None
    open_24h: Number | None
    high_24h: Number | None
    low_24h: Number | None
    volume_24h: Number | None
    source: str
    price_class: PriceClass
    provider_time: Time | None
    received_at: Time
    seq: Annotated[int, Meta(description="Rises with each change of any symbol.")]


class Brief(Struct, kw_only=True):
    """An instrument in a word."""

    id: int
    symbol: str
    name: str
    type: Literal["crypto", "stock", "forex"]


class Rejected(Struct, kw_only=True):
    """What was asked for in vain; by its `id` where that was given."""

    symbol: str | None
    code: Literal["UNKNOWN_SYMBOL", "LIMIT_EXCEEDED"]
    id: int | UnsetType = UNSET


class Subscribed(Struct, kw_only=True):
    """What is subscribed now, and the position to resume from."""

    message: str
    instruments: list[Brief]
    rejected: list[Rejected]
    epoch: str | UnsetType = UNSET
    seq: Annotated[int | UnsetType, Meta(description="0 where some prices are still owed.")] = UNSET
    max_rate: float | UnsetType = UNSET


class Unsubscribed(Struct, kw_only=True):
    """What is subscribed no more."""

    message: str
    symbols: list[str]


class Refused(Struct, kw_only=True):
    """Why something was not done."""

    message: str
    code: Literal["UNKNOWN_SYMBOL", "LIMIT_EXCEEDED", "INVALID_PAYLOAD", "DATABASE_UNAVAILABLE"]
    rejected: list[Rejected] | UnsetType = UNSET


class Reload(Struct, kw_only=True):
    """Events were dropped because the page did not read: it asks anew for what it needs."""

    message: str
    code: Literal["EVENTS_LOST"]


class Candle(Struct, kw_only=True):
    """What was traded in one interval, which begins at `timestamp`."""

    timestamp: Time
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None


class Candles(Struct, kw_only=True):
    """Real candles of the source that speaks for the symbol, or none."""

    symbol: str
    timeframe: str
    source: str | None
    data: list[Candle]


class MarketState(Struct, kw_only=True):
    """One market at this moment."""

    name: str
    is_open: bool
    session: Session
    opens_at: Time | None
    closes_at: Time | None
    reason: str


class MarketStatus(Struct, kw_only=True):
    """Which markets are open, and how the feeds are doing."""

    is_market_hours: bool
    markets: list[MarketState]
    active_data_feeds: int
    total_data_feeds: int
    connection_status: dict[str, FeedStatus]
    timestamp: Time


class Pong(Struct, kw_only=True):
    """A sign of life, with the server's time."""

    timestamp: Time


DESK = Channel(
    dialect="desk",
    title="The desk",
    path="/socket.io/",
    namespace="/webtrader",
    about=(
        "Socket.IO 5 over Engine.IO 4 (WebSocket or long-polling), for pages with a login. "
        "An answer is also the acknowledgement, where one is asked for."
    ),
    received=(
        Message(
            name="subscribe_to_instruments",
            body=Instruments,
            about="Ask for the newest price of each instrument and for every change.",
            examples=('{"symbols":["BTC","AAPL"]}', '{"instrument_ids":[1,2],"max_rate":1}'),
            answers=("subscription_success", "subscription_error", "price_update"),
        ),
        Message(
            name="unsubscribe_from_instruments",
            body=Instruments,
            about="Ask for no more of these.",
            examples=('{"symbols":["AAPL"]}',),
            answers=("unsubscription_success", "subscription_error"),
        ),
        Message(
            name="get_price_history",
            body=PriceHistory,
            about="Ask for the candles of a symbol.",
            examples=('{"symbol":"BTC","timeframe":"1m","limit":100}',),
            answers=("price_history", "subscription_error"),
        ),
        Message(
            name="get_market_status",
            body=None,
            about="Ask which markets are open.",
            examples=("null",),
            answers=("market_status",),
        ),
        Message(
            name="ping",
            body=None,
            about="Ask for a sign of life.",
            examples=("null",),
            answers=("pong",),
        ),
    ),
    sent=(
        Message(name="price_update", body=PriceUpdate, about="A price, when subscribed to it."),
        Message(name="subscription_success", body=Subscribed, about="What was subscribed."),
        Message(name="unsubscription_success", body=Unsubscribed, about="What was ended."),
        Message(name="subscription_error", body=Refused, about="What was refused, and why."),
        Message(name="price_history", body=Candles, about="The candles that were asked for."),
        Message(name="market_status", body=MarketStatus, about="Which markets are open."),
        Message(name="pong", body=Pong, about="The answer to a ping."),
        Message(
            name="connection_status",
            body=dict[str, FeedStatus],
            about="How each source is doing, by its name: on connecting and on each change.",
        ),
        Message(name="reload", body=Reload, about="Events were lost: ask anew."),
    ),
)
