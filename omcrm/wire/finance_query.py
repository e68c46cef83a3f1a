"""The messages of the four channels of Finance Query, where numbers are texts."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis
from omcrm.wire.channel import AS_TEXT, SocketChannel, SocketMessage
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.field import Number, RecordedAt, Time

FinanceQueryNumber = Annotated[str, Meta(pattern=r"^-?\d+(\.\d+)?$", examples=["398.09"])]
FinanceQueryChange = Annotated[str, Meta(pattern=r"^[+-]\d+(\.\d+)?$", examples=["+0.94"])]
FinanceQueryPercent = Annotated[str, Meta(pattern=r"^[+-]\d+\.\d+%$", examples=["+0.24%"])]


class FinanceQueryMetadata(Struct, frozen=True, kw_only=True):
    """How many of the day's requests are left, in the first message; `reset` is in seconds."""

    rate_limit: int
    remaining_requests: int
    reset: int


class FinanceQueryMover(Struct, frozen=True, kw_only=True):
    """An instrument, its price and how it has moved; null is not known."""

    symbol: str
    name: str | None
    price: FinanceQueryNumber | None
    change: FinanceQueryChange | None
    percentChange: FinanceQueryPercent | None  # noqa: N815
    price_class: PriceClass | None
    price_basis: PriceBasis | None
    source: str | None
    seq: int | None
    recorded_at: RecordedAt = UNSET


class FinanceQueryShortQuote(FinanceQueryMover, frozen=True, kw_only=True):
    """The same, with the price before the opening or after the close while that is traded."""

    preMarketPrice: FinanceQueryNumber | UnsetType = UNSET  # noqa: N815
    afterHoursPrice: FinanceQueryNumber | UnsetType = UNSET  # noqa: N815


class FinanceQueryLongQuote(FinanceQueryShortQuote, frozen=True, kw_only=True):
    """All that is known of an instrument; null is not known."""

    open: FinanceQueryNumber | None
    high: FinanceQueryNumber | None
    low: FinanceQueryNumber | None
    volume: FinanceQueryNumber | None
    yearHigh: FinanceQueryNumber | None  # noqa: N815
    yearLow: FinanceQueryNumber | None  # noqa: N815
    avgVolume: FinanceQueryNumber | None  # noqa: N815
    sector: str | None
    industry: str | None
    marketCap: str | None  # noqa: N815
    beta: str | None
    pe: str | None
    eps: str | None
    dividend: str | None
    yield_: str | None = field(name="yield")
    about: str | None
    employees: str | None
    logo: str | None


class FinanceQuerySector(Struct, frozen=True, kw_only=True):
    """The averages of the active instruments of a sector."""

    sector: str
    dayReturn: FinanceQueryPercent | None  # noqa: N815
    ytdReturn: FinanceQueryPercent | None  # noqa: N815
    yearReturn: FinanceQueryPercent | None  # noqa: N815
    threeYearReturn: FinanceQueryPercent | None  # noqa: N815
    fiveYearReturn: FinanceQueryPercent | None  # noqa: N815
    simulated: bool
    replayed: bool


class FinanceQueryIndex(Struct, frozen=True, kw_only=True):
    """The average of the active instruments of a class; `value` is relative to 100 before."""

    name: str
    value: Number | None
    change: FinanceQueryChange | None
    percentChange: FinanceQueryPercent | None  # noqa: N815
    simulated: bool
    replayed: bool


class FinanceQueryHeadline(Struct, frozen=True, kw_only=True):
    """A piece of news; `time` is in words, such as `1 day ago`."""

    title: str
    link: str | None
    source: str | None
    img: str | None
    time: str | None


class FinanceQueryProfileUpdate(Struct, frozen=True, kw_only=True):
    """An instrument, similar ones, its sector and its news; empty where it is not active.

    In the first message `metadata` says how many requests are left.
    """

    metadata: FinanceQueryMetadata | UnsetType = UNSET
    quote: FinanceQueryLongQuote | None
    similar: list[FinanceQueryShortQuote]
    sectorPerformance: FinanceQuerySector | None  # noqa: N815
    news: list[FinanceQueryHeadline]
    universe: Literal["catalogue"]


class FinanceQueryMarketUpdate(Struct, frozen=True, kw_only=True):
    """How the active instruments perform."""

    metadata: FinanceQueryMetadata | UnsetType = UNSET
    actives: list[FinanceQueryMover]
    gainers: list[FinanceQueryMover]
    losers: list[FinanceQueryMover]
    indices: list[FinanceQueryIndex]
    headlines: list[FinanceQueryHeadline]
    sectors: list[FinanceQuerySector]
    universe: Literal["catalogue"]


class FinanceQueryHoursUpdate(Struct, frozen=True, kw_only=True):
    """Whether the exchange is open, and why."""

    metadata: FinanceQueryMetadata | UnsetType = UNSET
    status: Literal["Open", "Closed", "Early Close"]
    reason: str
    timestamp: Time


class FinanceQueryFirst(Struct, frozen=True, kw_only=True):
    """The first element of the first list, where requests are counted."""

    metadata: FinanceQueryMetadata


class FinanceQueryError(Struct, frozen=True, kw_only=True):
    """An error, in words and as a code."""

    error: str
    code: ErrorCode


# A union of them has no tag, which msgspec requires.
_ROWS = {
    "items": {
        "anyOf": [
            {"$ref": f"#/components/schemas/{row.__name__}"}
            for row in (FinanceQueryShortQuote, FinanceQueryFirst)
        ]
    }
}
_ERROR = SocketMessage(name="error", body=FinanceQueryError, about="An error.")
_EVERY = "First at once, then every STREAM_INTERVAL seconds, whether or not anything changed."

PROFILE = SocketChannel(
    name="finance_query_profile",
    title="Profile",
    path="/profile/{symbol}",
    parameters={"symbol": "The symbol of an instrument."},
    about=f"All data of one instrument. {_EVERY}",
    received=(),
    sent=(
        SocketMessage(name="profile", body=FinanceQueryProfileUpdate, about="The instrument."),
        _ERROR,
    ),
)
QUOTES = SocketChannel(
    name="finance_query_quotes",
    title="Quotes",
    path="/quotes",
    about=f"Short quotes of the symbols of the last list, in its order. {_EVERY}",
    parts=(FinanceQueryShortQuote, FinanceQueryFirst),
    received=(
        SocketMessage(
            name="symbols",
            body=AS_TEXT,
            about="The symbols, separated by commas, as plain text; it replaces the last list.",
            examples=("AAPL,MSFT",),
            answers=("quotes", "error"),
        ),
    ),
    sent=(
        SocketMessage(
            name="quotes",
            body=Annotated[list[Any], Meta(extra_json_schema=_ROWS)],
            about="A quote for each symbol; name and price are null where it is not active.",
        ),
        _ERROR,
    ),
)
MARKET = SocketChannel(
    name="finance_query_market",
    title="Market",
    path="/market",
    about=f"Movers, averages, headlines and sectors. {_EVERY}",
    received=(),
    sent=(SocketMessage(name="market", body=FinanceQueryMarketUpdate, about="The market."), _ERROR),
)
HOURS = SocketChannel(
    name="finance_query_hours",
    title="Hours",
    path="/hours",
    about=f"Whether the stock exchange is open. {_EVERY}",
    received=(),
    sent=(SocketMessage(name="hours", body=FinanceQueryHoursUpdate, about="The hours."), _ERROR),
)
