"""The HTTP that belongs to `/ws/realtime/`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from omcrm.auth.scope import Scope
from omcrm.gateways.realtime_routes import PriceUpdateRequest
from omcrm.market.price_class import PriceClass
from omcrm.reference.route import Needs, Route, Wrong
from omcrm.reference.schema import Number, Time


class ConnectionInfo(Struct, kw_only=True):
    """The parts of the address, and how to come in."""

    protocol: Literal["ws", "wss"]
    host: str
    path: str
    authentication: str
    also: list[str]


class WebSocketInfo(Struct, kw_only=True):
    """Where the WebSocket is, and what is understood there, with a word on each."""

    websocket_url: str
    connection_info: ConnectionInfo
    message_types: dict[str, str]
    update_frequency: str
    supported_features: list[str]


class Health(Struct, kw_only=True):
    """Whether prices come in, and how many are connected."""

    price_feed_running: bool
    active_connections: int
    timestamp: Time


class GlobalStats(Struct, kw_only=True):
    """Counts of everybody's; nobody sees another user's connections."""

    total_connections: int
    authenticated_users: int
    portfolio_subscriptions: int
    asset_subscriptions: int


class Subscriptions(Struct, kw_only=True):
    """What the caller's connections are subscribed to."""

    portfolios: list[int]
    assets: list[str]


class UserStats(Struct, kw_only=True):
    """The caller's own connections."""

    connection_count: int
    subscriptions: Subscriptions


class PriceFeed(Struct, kw_only=True):
    """What brings prices: the feeds of this process, or the command that feeds the database."""

    is_running: bool
    update_interval: int
    max_batch_size: int
    streams_here: bool
    command_running: bool


class Status(Struct, kw_only=True):
    """How the service and its prices do."""

    service_status: Literal["running"]
    global_stats: GlobalStats
    user_stats: UserStats
    price_feed: PriceFeed
    timestamp: Time


class Updated(Struct, kw_only=True):
    """A price that was fetched."""

    symbol: str
    price: Number
    price_class: PriceClass
    source: str
    timestamp: Time


class Failed(Struct, kw_only=True):
    """A symbol for which nothing was fetched, and why."""

    symbol: str
    reason: str


class Forced(Struct, kw_only=True):
    """What became of each symbol."""

    updated: list[Updated]
    failed: list[Failed]


class NotForced(Struct, kw_only=True):
    """Why nothing was fetched: symbols that there are not, or what other routes say, too."""

    error: str | Wrong
    success: Literal[False] | UnsetType = UNSET
    invalid_symbols: list[str] | UnsetType = UNSET
    valid_symbols: list[str] | UnsetType = UNSET


_AREA = "Realtime"

ROUTES = (
    Route(
        method="GET",
        path="/realtime/websocket-info/",
        area=_AREA,
        about="Where the WebSocket is, and what is understood there.",
        needs=Needs.NOTHING,
        answer=WebSocketInfo,
    ),
    Route(
        method="GET",
        path="/realtime/health/",
        area=_AREA,
        about="Whether prices come in.",
        needs=Needs.NOTHING,
        answer=Health,
    ),
    Route(
        method="GET",
        path="/realtime/status/",
        area=_AREA,
        about="Counts of everybody's connections, and the caller's own subscriptions.",
        needs=Scope.MARKET_READ,
        answer=Status,
    ),
    Route(
        method="POST",
        path="/api/realtime/force_price_update/",
        area=_AREA,
        about="Ask the sources for fresh prices now, which may take ten seconds.",
        needs=Scope.PRICES_UPDATE,
        body=PriceUpdateRequest,
        answer=Forced,
        refusals={400: "The body is wrong, or names unknown symbols.", 429: "Too many lately."},
        refused_as=NotForced,
    ),
)
