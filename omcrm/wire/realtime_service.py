"""The HTTP beside `/ws/realtime/`: where it is, how it is doing, and fresh prices."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.market.price_class import PriceClass
from omcrm.wire.answer import JsonWrong
from omcrm.wire.field import Number, Symbol, Time

_MOST_SYMBOLS = 50


class RealtimeConnectionInfo(Struct, frozen=True, kw_only=True):
    """The parts of the address, and how to authenticate."""

    protocol: Literal["ws", "wss"]
    host: str
    path: str
    authentication: str
    also: list[str]


class RealtimeWebSocketInfo(Struct, frozen=True, kw_only=True):
    """Where the WebSocket is, and its messages, each with a description."""

    websocket_url: str
    connection_info: RealtimeConnectionInfo
    message_types: dict[str, str]
    update_frequency: str
    supported_features: list[str]


class RealtimeHealth(Struct, frozen=True, kw_only=True):
    """Whether prices arrive, and how many clients are connected."""

    price_feed_running: bool
    active_connections: int
    timestamp: Time


class RealtimeGlobalStats(Struct, frozen=True, kw_only=True):
    """Counts over all users; nobody sees another user's connections."""

    total_connections: int
    authenticated_users: int
    portfolio_subscriptions: int
    asset_subscriptions: int


class RealtimeSubscriptions(Struct, frozen=True, kw_only=True):
    """The subscriptions of the caller's connections."""

    portfolios: list[int]
    assets: list[str]


class RealtimeUserStats(Struct, frozen=True, kw_only=True):
    """The caller's own connections."""

    connection_count: int
    subscriptions: RealtimeSubscriptions


class RealtimePriceFeed(Struct, frozen=True, kw_only=True):
    """The source of prices: the feeds of this process, or the command that fills the database."""

    is_running: bool
    update_interval: int
    max_batch_size: int
    streams_here: bool
    command_running: bool


class RealtimeStatus(Struct, frozen=True, kw_only=True):
    """The state of the service and of its prices."""

    service_status: Literal["running"]
    global_stats: RealtimeGlobalStats
    user_stats: RealtimeUserStats
    price_feed: RealtimePriceFeed
    timestamp: Time


# Fresh prices


class PriceUpdateRequest(Struct, frozen=True):
    """The body of a request for fresh prices."""

    symbols: Annotated[list[Symbol], Meta(min_length=1, max_length=_MOST_SYMBOLS)]


class RealtimeUpdated(Struct, frozen=True, kw_only=True):
    """A price that was fetched."""

    symbol: str
    price: Number
    price_class: PriceClass
    source: str
    timestamp: Time


class RealtimeFailed(Struct, frozen=True, kw_only=True):
    """A symbol whose price was not fetched, and why."""

    symbol: str
    reason: str


class RealtimeFetched(Struct, frozen=True, kw_only=True):
    """The result for each symbol."""

    updated: list[RealtimeUpdated]
    failed: list[RealtimeFailed]


class RealtimeNotFetched(Struct, frozen=True, kw_only=True):
    """Why nothing was fetched: unknown symbols, or an error as on other routes."""

    error: str | JsonWrong
    success: Literal[False] | UnsetType = UNSET
    invalid_symbols: list[str] | UnsetType = UNSET
    valid_symbols: list[str] | UnsetType = UNSET
