"""The HTTP of the desk: its catalogue, prices, candles and the state of the feeds."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from omcrm.auth.permission import Permission
from omcrm.market.bar import KEPT, Timeframe
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Calendar
from omcrm.reference.route import Route
from omcrm.wire.answer import JsonDone
from omcrm.wire.desk import DeskBrief, DeskCandles, DeskPriceUpdate
from omcrm.wire.desk_market import DeskFeedStatus, DeskMarketStatus
from omcrm.wire.field import Number, Time


class DeskPrice(DeskPriceUpdate, frozen=True, kw_only=True):
    """A price, as the desk's pages receive it."""

    success: Literal[True]


class DeskChartData(DeskCandles, frozen=True, kw_only=True):
    """Real candles, or none."""

    success: Literal[True]


class DeskMarkets(DeskMarketStatus, frozen=True, kw_only=True):
    """Which markets are open, and how the feeds are doing."""

    success: Literal[True]


class DeskDescribed(DeskBrief, frozen=True, kw_only=True):
    """An instrument of the catalogue; `decimals` is how many digits a price is shown with.

    `currency` is what a price is in, null where it is not known. `storage_scale` is how many
    decimals of a price are stored. `calendar` names the trading hours.
    """

    decimals: int
    currency: str | None
    price_step: Number
    quantity_step: Number
    minimum_quantity: Number
    maximum_quantity: Number
    storage_scale: int
    calendar: Calendar


class DeskCatalogue(JsonDone, frozen=True, kw_only=True):
    """All active instruments."""

    instruments: list[DeskDescribed]


class DeskFeedsStarted(JsonDone, frozen=True, kw_only=True):
    """The feeds run, for these symbols."""

    status: Literal["started", "already_running"]
    instruments_count: int
    crypto_symbols: list[str]
    stock_symbols: list[str]
    forex_symbols: list[str]


class DeskFeedsStopped(JsonDone, frozen=True, kw_only=True):
    """The feeds do not run until an administrator starts them."""

    status: Literal["stopped", "already_stopped"]


class DeskInstrumentState(Struct, kw_only=True):
    """An instrument's active source, its standby, and the age of its quote."""

    symbol: str
    price: Number | None
    price_class: PriceClass | None
    source: str | None
    runner_up: str | None
    seq: int | None
    age_seconds: float | None


class DeskCacheState(Struct, kw_only=True):
    """How many quotes are held, and how many ticks were rejected, by reason."""

    quotes: int
    seq: int
    refused: dict[str, int]


class DeskConnectionState(Struct, kw_only=True):
    """How many sockets are open, the worst delay of the event loop in the last minute, how many
    timers are set, and how many objects the garbage collector ignores.
    """

    open: int
    worst_lag_ms: float
    timers: int
    frozen_objects: int


class DeskRealtimeStatus(JsonDone, frozen=True, kw_only=True):
    """The state of everything; `feeds`, and what concerns single users, for administrators only."""

    running: bool
    since: Time | None
    stopped_by_admin: bool
    providers: dict[str, DeskFeedStatus]
    instruments: list[DeskInstrumentState]
    clients: dict[str, Any]
    gateways: dict[str, Any]
    cache: DeskCacheState
    delivery: dict[str, Any]
    connections: DeskConnectionState
    timestamp: Time
    feeds: dict[str, Any] | UnsetType = UNSET
    news: list[dict[str, Any]] | UnsetType = UNSET


class DeskChartQuery(Struct, kw_only=True):
    """Which candles are requested."""

    timeframe: Timeframe = "1m"
    limit: Annotated[int, Meta(ge=1, le=KEPT)] = 200


_AREA = "Desk"
_UNKNOWN = {404: "There is no such symbol."}

ROUTES = (
    Route(
        method="GET",
        path="/webtrader/instruments",
        area=_AREA,
        about="The catalogue.",
        needs=Permission.MARKET_READ,
        answer=DeskCatalogue,
    ),
    Route(
        method="GET",
        path="/webtrader/realtime_price/<symbol>",
        area=_AREA,
        about="The newest price of a symbol.",
        needs=Permission.MARKET_READ,
        answer=DeskPrice,
        refusals={**_UNKNOWN, 503: "No price is known for it yet."},
    ),
    Route(
        method="GET",
        path="/webtrader/chart_data/<symbol>",
        area=_AREA,
        about="The candles of a symbol.",
        needs=Permission.MARKET_READ,
        answer=DeskChartData,
        query=DeskChartQuery,
        refusals={400: "The query is wrong.", **_UNKNOWN},
    ),
    Route(
        method="GET",
        path="/webtrader/market_status",
        area=_AREA,
        about="Which markets are open.",
        needs=Permission.MARKET_READ,
        answer=DeskMarkets,
    ),
    Route(
        method="GET",
        path="/webtrader/realtime_status",
        area=_AREA,
        about="How the feeds, the clients and the delivery are doing.",
        needs=Permission.MARKET_READ,
        answer=DeskRealtimeStatus,
    ),
    Route(
        method="POST",
        path="/webtrader/start_realtime_feeds",
        area=_AREA,
        about="Start the feeds.",
        needs=Permission.FEEDS_CONTROL,
        answer=DeskFeedsStarted,
    ),
    Route(
        method="POST",
        path="/webtrader/stop_realtime_feeds",
        area=_AREA,
        about="Stop the feeds, until an administrator starts them.",
        needs=Permission.FEEDS_CONTROL,
        answer=DeskFeedsStopped,
    ),
)
