"""The HTTP that belongs to `/ws/realtime/`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from omcrm.auth.permission import Permission
from omcrm.gateways.realtime_routes import PriceUpdateRequest
from omcrm.market.price_class import PriceClass
from omcrm.reference.route import Needs, Route
from omcrm.wire.answer import JsonWrong
from omcrm.wire.field import Number, Time


class RealtimeConnectionInfo(Struct, kw_only=True):
    """The parts of the address, and how to authenticate."""

    protocol: Literal["ws", "wss"]
    host: str
    path: str
    authentication: str
    also: list[str]


class RealtimeWebSocketInfo(Struct, kw_only=True):
    """Where the WebSocket is, and its messages, each with a description."""

    websocket_url: str
    connection_info: RealtimeConnectionInfo
    message_types: dict[str, str]
    update_frequency: str
    supported_features: list[str]


class RealtimeHealth(Struct, kw_only=True):
    """Whether prices arrive, and how many clients are connected."""

    price_feed_running: bool
    active_connections: int
    timestamp: Time


class RealtimeGlobalStats(Struct, kw_only=True):
    """Counts over all users; nobody sees another user's connections."""

    total_connections: int
    authenticated_users: int
    portfolio_subscriptions: int
    asset_subscriptions: int


class RealtimeSubscriptions(Struct, kw_only=True):
    """The subscriptions of the caller's connections."""

    portfolios: list[int]
    assets: list[str]


class RealtimeUserStats(Struct, kw_only=True):
    """The caller's own connections."""

    connection_count: int
    subscriptions: RealtimeSubscriptions


class RealtimePriceFeed(Struct, kw_only=True):
    """The source of prices: the feeds of this process, or the command that fills the database."""

    is_running: bool
    update_interval: int
    max_batch_size: int
    streams_here: bool
    command_running: bool


class RealtimeStatus(Struct, kw_only=True):
    """The state of the service and of its prices."""

    service_status: Literal["running"]
    global_stats: RealtimeGlobalStats
    user_stats: RealtimeUserStats
    price_feed: RealtimePriceFeed
    timestamp: Time


class RealtimeUpdated(Struct, kw_only=True):
    """A price that was fetched."""

    symbol: str
    price: Number
    price_class: PriceClass
    source: str
    timestamp: Time


class RealtimeFailed(Struct, kw_only=True):
    """A symbol whose price was not fetched, and why."""

    symbol: str
    reason: str


class RealtimeFetched(Struct, kw_only=True):
    """The result for each symbol."""

    updated: list[RealtimeUpdated]
    failed: list[RealtimeFailed]


class RealtimeNotFetched(Struct, kw_only=True):
    """Why nothing was fetched: unknown symbols, or an error as on other routes."""

    error: str | JsonWrong
    success: Literal[False] | UnsetType = UNSET
    invalid_symbols: list[str] | UnsetType = UNSET
    valid_symbols: list[str] | UnsetType = UNSET


_AREA = "Realtime"

ROUTES = (
    Route(
        method="GET",
        path="/realtime/websocket-info/",
        area=_AREA,
        about="Where the WebSocket is, and its messages.",
        needs=Needs.NOTHING,
        answer=RealtimeWebSocketInfo,
    ),
    Route(
        method="GET",
        path="/realtime/health/",
        area=_AREA,
        about="Whether prices arrive.",
        needs=Needs.NOTHING,
        answer=RealtimeHealth,
    ),
    Route(
        method="GET",
        path="/realtime/status/",
        area=_AREA,
        about="Counts of all connections, and the caller's own subscriptions.",
        needs=Permission.MARKET_READ,
        answer=RealtimeStatus,
    ),
    Route(
        method="POST",
        path="/api/realtime/force_price_update/",
        area=_AREA,
        about="Request fresh prices from the sources now, which may take ten seconds.",
        needs=Permission.PRICES_UPDATE,
        body=PriceUpdateRequest,
        answer=RealtimeFetched,
        refusals={400: "It names unknown symbols.", 429: "Too many lately."},
        refused_as=RealtimeNotFetched,
    ),
)
