"""The HTTP of the desk: its catalogue, prices, candles and the state of the feeds."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.auth.scope import Scope
from omcrm.feeds.status import FeedStatus
from omcrm.market.bar import KEPT
from omcrm.market.price_class import PriceClass
from omcrm.reference.desk import Brief, Candles, MarketStatus, PriceUpdate
from omcrm.reference.route import Route
from omcrm.reference.schema import Number, Time


class Done(Struct, kw_only=True):
    """What every answer begins with that is no refusal."""

    success: Literal[True]


class Price(PriceUpdate, kw_only=True):
    """A price, as it is told to the desk's pages."""

    success: Literal[True]


class ChartData(Candles, kw_only=True):
    """Real candles, or none."""

    success: Literal[True]


class Markets(MarketStatus, kw_only=True):
    """Which markets are open, and how the feeds are doing."""

    success: Literal[True]


class Described(Brief, kw_only=True):
    """An instrument of the catalogue; `decimals` is how many digits a price is shown with."""

    decimals: int


class Catalogue(Done, kw_only=True):
    """All instruments that are followed."""

    instruments: list[Described]


class FeedsStarted(Done, kw_only=True):
    """That the feeds run, and for what."""

    status: Literal["started", "already_running"]
    instruments_count: int
    crypto_symbols: list[str]
    stock_symbols: list[str]
    forex_symbols: list[str]


class FeedsStopped(Done, kw_only=True):
    """That they do not run, until an administrator starts them."""

    status: Literal["stopped", "already_stopped"]


class InstrumentState(Struct, kw_only=True):
    """Who speaks for an instrument, and how old that is."""

    symbol: str
    price: Number | None
    price_class: PriceClass | None
    source: str | None
    runner_up: str | None
    seq: int | None
    age_seconds: float | None


class CacheState(Struct, kw_only=True):
    """How many quotes are held, and what was refused, by reason."""

    quotes: int
    seq: int
    refused: dict[str, int]


class ConnectionState(Struct, kw_only=True):
    """How many sockets are open and deadlines are kept, the worst lateness of the last minute, and
    how many objects the garbage collector leaves alone; besides, how often what happened so far.
    """

    open: int
    worst_lag_ms: float
    timers: int
    frozen_objects: int


class RealtimeStatus(Done, kw_only=True):
    """How everything is doing; what concerns single users, and `feeds`, for administrators only."""

    running: bool
    since: Time | None
    stopped_by_admin: bool
    providers: dict[str, FeedStatus]
    instruments: list[InstrumentState]
    clients: dict[str, Any]
    gateways: dict[str, Any]
    cache: CacheState
    delivery: dict[str, Any]
    connections: ConnectionState
    timestamp: Time
    feeds: dict[str, Any] | UnsetType = UNSET
    news: list[dict[str, Any]] | UnsetType = UNSET


class Chart(Struct, kw_only=True):
    """What is asked of the candles."""

    timeframe: Literal["1m", "5m", "15m", "1h", "4h", "1d"] = "1m"
    limit: Annotated[int, Meta(ge=1, le=KEPT)] = 200


_AREA = "Desk"
_UNKNOWN = {404: "There is no such symbol."}

ROUTES = (
    Route(
        method="GET",
        path="/webtrader/instruments",
        area=_AREA,
        about="The catalogue.",
        needs=Scope.MARKET_READ,
        answer=Catalogue,
    ),
    Route(
        method="GET",
        path="/webtrader/realtime_price/<symbol>",
        area=_AREA,
        about="The newest price of a symbol.",
        needs=Scope.MARKET_READ,
        answer=Price,
        refusals={**_UNKNOWN, 503: "No price is known for it yet."},
    ),
    Route(
        method="GET",
        path="/webtrader/chart_data/<symbol>",
        area=_AREA,
        about="The candles of a symbol.",
        needs=Scope.MARKET_READ,
        answer=ChartData,
        query=Chart,
        refusals={400: "The query is wrong.", **_UNKNOWN},
    ),
    Route(
        method="GET",
        path="/webtrader/market_status",
        area=_AREA,
        about="Which markets are open.",
        needs=Scope.MARKET_READ,
        answer=Markets,
    ),
    Route(
        method="GET",
        path="/webtrader/realtime_status",
        area=_AREA,
        about="How the feeds, the clients and the delivery are doing.",
        needs=Scope.MARKET_READ,
        answer=RealtimeStatus,
    ),
    Route(
        method="POST",
        path="/webtrader/start_realtime_feeds",
        area=_AREA,
        about="Start the feeds.",
        needs=Scope.FEEDS_CONTROL,
        answer=FeedsStarted,
    ),
    Route(
        method="POST",
        path="/webtrader/stop_realtime_feeds",
        area=_AREA,
        about="Stop the feeds, until an administrator starts them.",
        needs=Scope.FEEDS_CONTROL,
        answer=FeedsStopped,
    ),
)
