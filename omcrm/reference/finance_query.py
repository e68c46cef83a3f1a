"""What is said on the four channels of Finance Query, where numbers are texts."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from omcrm.gateways.finance_query.channels import (
    HoursChannel,
    OverviewChannel,
    ProfileChannel,
    QuotesChannel,
)
from omcrm.market.price_class import PriceClass
from omcrm.reference.channel import Channel, Message
from omcrm.reference.schema import PARTS, Number, Time

Figure = Annotated[str, Meta(pattern=r"^-?\d+(\.\d+)?$", examples=["398.09"])]
Signed = Annotated[str, Meta(pattern=r"^[+-]\d+(\.\d+)?$", examples=["+0.94"])]
Percent = Annotated[str, Meta(pattern=r"^[+-]\d+\.\d+%$", examples=["+0.24%"])]


class Metadata(Struct, kw_only=True):
    """What is left of the day's requests, in the first message; `reset` is in seconds."""

    rate_limit: int
    remaining_requests: int
    reset: int


class Mover(Struct, kw_only=True):
    """An instrument, its price and how it has moved; null is not known."""

    symbol: str
    name: str | None
    price: Figure | None
    change: Signed | None
    percentChange: Percent | None  # noqa: N815
    price_class: PriceClass | None
    source: str | None
    seq: int | None


class ShortQuote(Mover, kw_only=True):
    """The same, with the price before the opening or after the close while that is traded."""

    preMarketPrice: Figure | UnsetType = UNSET  # noqa: N815
    afterHoursPrice: Figure | UnsetType = UNSET  # noqa: N815


class LongQuote(ShortQuote, kw_only=True):
    """All that is known of an instrument; null is not known."""

    open: Figure | None
    high: Figure | None
    low: Figure | None
    volume: Figure | None
    yearHigh: Figure | None  # noqa: N815
    yearLow: Figure | None  # noqa: N815
    avgVolume: Figure | None  # noqa: N815
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


class Sector(Struct, kw_only=True):
    """The averages of the followed companies of a sector."""

    sector: str
    dayReturn: Percent | None  # noqa: N815
    ytdReturn: Percent | None  # noqa: N815
    yearReturn: Percent | None  # noqa: N815
    threeYearReturn: Percent | None  # noqa: N815
    fiveYearReturn: Percent | None  # noqa: N815
    simulated: bool


class Index(Struct, kw_only=True):
    """The average of the followed instruments of a class; what was 100 before is `value` now."""

    name: str
    value: Number | None
    change: Signed | None
    percentChange: Percent | None  # noqa: N815
    simulated: bool


class Headline(Struct, kw_only=True):
    """A piece of news; `time` is in words, such as `1 day ago`."""

    title: str
    link: str | None
    source: str | None
    img: str | None
    time: str | None


class Told(Struct, kw_only=True):
    """What is told at once, and anew at each interval."""

    universe: Literal["catalogue"]
    metadata: Metadata | UnsetType = UNSET


class ProfileTold(Told, kw_only=True):
    """An instrument, others like it, its sector and its news; empty where it is not followed."""

    quote: LongQuote | None
    similar: list[ShortQuote]
    sectorPerformance: Sector | None  # noqa: N815
    news: list[Headline]


class MarketTold(Told, kw_only=True):
    """How the followed instruments do."""

    actives: list[Mover]
    gainers: list[Mover]
    losers: list[Mover]
    indices: list[Index]
    headlines: list[Headline]
    sectors: list[Sector]


class HoursTold(Struct, kw_only=True):
    """Whether the exchange is open, and why."""

    status: Literal["Open", "Closed", "Early Close"]
    reason: str
    timestamp: Time
    metadata: Metadata | UnsetType = UNSET


class First(Struct, kw_only=True):
    """The first element of the first list, where requests are counted."""

    metadata: Metadata


class Error(Struct, kw_only=True):
    """What was wrong, in words and in a code."""

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


# A union of them has no tag, which msgspec asks for.
_ROWS = {
    "items": {
        "anyOf": [
            {"$ref": f"{PARTS}{QuotesChannel.name}.{part.__name__}"} for part in (ShortQuote, First)
        ]
    }
}
_ERROR = Message(name="error", body=Error, about="What was wrong.")
_EVERY = "First at once, then every STREAM_INTERVAL seconds, whether or not anything changed."

PROFILE = Channel(
    dialect=ProfileChannel.name,
    title="Profile",
    path="/profile/{symbol}",
    scope=ProfileChannel.scope,
    parameters={"symbol": "The symbol of an instrument."},
    about=f"All that is known of one instrument. {_EVERY}",
    received=(),
    sent=(Message(name="profile", body=ProfileTold, about="The instrument."), _ERROR),
)
QUOTES = Channel(
    dialect=QuotesChannel.name,
    title="Quotes",
    path=QuotesChannel.path,
    scope=QuotesChannel.scope,
    about=f"Short quotes of the symbols of the last list, in its order. {_EVERY}",
    parts=(ShortQuote, First),
    received=(
        Message(
            name="symbols",
            body=str,
            about="The symbols, separated by commas, as plain text; it replaces the last list.",
            examples=("AAPL,MSFT",),
            answers=("quotes", "error"),
        ),
    ),
    sent=(
        Message(
            name="quotes",
            body=Annotated[list[Any], Meta(extra_json_schema=_ROWS)],
            about="A quote for each symbol; name and price are null where it is not followed.",
        ),
        _ERROR,
    ),
)
MARKET = Channel(
    dialect=OverviewChannel.name,
    title="Market",
    path=OverviewChannel.path,
    scope=OverviewChannel.scope,
    about=f"Movers, averages, headlines and sectors. {_EVERY}",
    received=(),
    sent=(Message(name="market", body=MarketTold, about="The market."), _ERROR),
)
HOURS = Channel(
    dialect=HoursChannel.name,
    title="Hours",
    path=HoursChannel.path,
    scope=HoursChannel.scope,
    about=f"Whether the stock exchange is open. {_EVERY}",
    received=(),
    sent=(Message(name="hours", body=HoursTold, about="The hours."), _ERROR),
)
