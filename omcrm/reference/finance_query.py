"""The messages of the four channels of Finance Query, where numbers are texts."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from omcrm.gateways.finance_query.channels import (
    HoursChannel,
    OverviewChannel,
    ProfileChannel,
    QuotesChannel,
)
from omcrm.market.price_class import PriceClass
from omcrm.reference.channel import SocketChannel, SocketMessage
from omcrm.reference.schema import PARTS
from omcrm.wire.field import Number, Time

FinanceQueryNumber = Annotated[str, Meta(pattern=r"^-?\d+(\.\d+)?$", examples=["398.09"])]
FinanceQueryChange = Annotated[str, Meta(pattern=r"^[+-]\d+(\.\d+)?$", examples=["+0.94"])]
FinanceQueryPercent = Annotated[str, Meta(pattern=r"^[+-]\d+\.\d+%$", examples=["+0.24%"])]


class FinanceQueryMetadata(Struct, kw_only=True):
    """How many of the day's requests are left, in the first message; `reset` is in seconds."""

    rate_limit: int
    remaining_requests: int
    reset: int


class FinanceQueryMover(Struct, kw_only=True):
    """An instrument, its price and how it has moved; null is not known."""

    symbol: str
    name: str | None
    price: FinanceQueryNumber | None
    change: FinanceQueryChange | None
    percentChange: FinanceQueryPercent | None  # noqa: N815
    price_class: PriceClass | None
    source: str | None
    seq: int | None


class FinanceQueryShortQuote(FinanceQueryMover, kw_only=True):
    """The same, with the price before the opening or after the close while that is traded."""

    preMarketPrice: FinanceQueryNumber | UnsetType = UNSET  # noqa: N815
    afterHoursPrice: FinanceQueryNumber | UnsetType = UNSET  # noqa: N815


class FinanceQueryLongQuote(FinanceQueryShortQuote, kw_only=True):
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


class FinanceQuerySector(Struct, kw_only=True):
    """The averages of the active instruments of a sector."""

    sector: str
    dayReturn: FinanceQueryPercent | None  # noqa: N815
    ytdReturn: FinanceQueryPercent | None  # noqa: N815
    yearReturn: FinanceQueryPercent | None  # noqa: N815
    threeYearReturn: FinanceQueryPercent | None  # noqa: N815
    fiveYearReturn: FinanceQueryPercent | None  # noqa: N815
    simulated: bool


class FinanceQueryIndex(Struct, kw_only=True):
    """The average of the active instruments of a class; `value` is relative to 100 before."""

    name: str
    value: Number | None
    change: FinanceQueryChange | None
    percentChange: FinanceQueryPercent | None  # noqa: N815
    simulated: bool


class FinanceQueryHeadline(Struct, kw_only=True):
    """A piece of news; `time` is in words, such as `1 day ago`."""

    title: str
    link: str | None
    source: str | None
    img: str | None
    time: str | None


class FinanceQueryUpdate(Struct, kw_only=True):
    """What is sent at once, and again at each interval."""

    universe: Literal["catalogue"]
    metadata: FinanceQueryMetadata | UnsetType = UNSET


class FinanceQueryProfileUpdate(FinanceQueryUpdate, kw_only=True):
    """An instrument, similar ones, its sector and its news; empty where it is not active."""

    quote: FinanceQueryLongQuote | None
    similar: list[FinanceQueryShortQuote]
    sectorPerformance: FinanceQuerySector | None  # noqa: N815
    news: list[FinanceQueryHeadline]


class FinanceQueryMarketUpdate(FinanceQueryUpdate, kw_only=True):
    """How the active instruments perform."""

    actives: list[FinanceQueryMover]
    gainers: list[FinanceQueryMover]
    losers: list[FinanceQueryMover]
    indices: list[FinanceQueryIndex]
    headlines: list[FinanceQueryHeadline]
    sectors: list[FinanceQuerySector]


class FinanceQueryHoursUpdate(Struct, kw_only=True):
    """Whether the exchange is open, and why."""

    status: Literal["Open", "Closed", "Early Close"]
    reason: str
    timestamp: Time
    metadata: FinanceQueryMetadata | UnsetType = UNSET


class FinanceQueryFirst(Struct, kw_only=True):
    """The first element of the first list, where requests are counted."""

    metadata: FinanceQueryMetadata


class FinanceQueryError(Struct, kw_only=True):
    """An error, in words and as a code."""

    error: str
    code: Literal[
        "UNKNOWN_MESSAGE",
        "INVALID_MESSAGE",
        "SYMBOL_LIMIT_EXCEEDED",
        "RATE_LIMITED",
        "TEXT_ONLY",
        "EVENTS_LOST",
        "INTERNAL_ERROR",
        "DATABASE_UNAVAILABLE",
    ]


# A union of them has no tag, which msgspec requires.
_ROWS = {
    "items": {
        "anyOf": [
            {"$ref": f"{PARTS}{row.__name__}"}
            for row in (FinanceQueryShortQuote, FinanceQueryFirst)
        ]
    }
}
_ERROR = SocketMessage(name="error", body=FinanceQueryError, about="An error.")
_EVERY = "First at once, then every STREAM_INTERVAL seconds, whether or not anything changed."

PROFILE = SocketChannel(
    dialect=ProfileChannel.name,
    title="Profile",
    path="/profile/{symbol}",
    scope=ProfileChannel.scope,
    parameters={"symbol": "The symbol of an instrument."},
    about=f"All data of one instrument. {_EVERY}",
    received=(),
    sent=(
        SocketMessage(name="profile", body=FinanceQueryProfileUpdate, about="The instrument."),
        _ERROR,
    ),
)
QUOTES = SocketChannel(
    dialect=QuotesChannel.name,
    title="Quotes",
    path=QuotesChannel.path,
    scope=QuotesChannel.scope,
    about=f"Short quotes of the symbols of the last list, in its order. {_EVERY}",
    parts=(FinanceQueryShortQuote, FinanceQueryFirst),
    received=(
        SocketMessage(
            name="symbols",
            body=str,
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
    dialect=OverviewChannel.name,
    title="Market",
    path=OverviewChannel.path,
    scope=OverviewChannel.scope,
    about=f"Movers, averages, headlines and sectors. {_EVERY}",
    received=(),
    sent=(SocketMessage(name="market", body=FinanceQueryMarketUpdate, about="The market."), _ERROR),
)
HOURS = SocketChannel(
    dialect=HoursChannel.name,
    title="Hours",
    path=HoursChannel.path,
    scope=HoursChannel.scope,
    about=f"Whether the stock exchange is open. {_EVERY}",
    received=(),
    sent=(SocketMessage(name="hours", body=FinanceQueryHoursUpdate, about="The hours."), _ERROR),
)
