"""The HTTP of the market feed, and news."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from omcrm.auth.permission import Permission
from omcrm.gateways.market_feed_routes import QuotesRequest
from omcrm.reference.desk_routes import DeskFeedsStopped
from omcrm.reference.route import Route
from omcrm.wire.answer import JsonDone
from omcrm.wire.field import Time
from omcrm.wire.market_feed import MarketFeedQuote
from omcrm.wire.news import JsonNewsItem


class MarketFeedQuoteAnswer(
    MarketFeedQuote, frozen=True, kw_only=True, tag_field="type", tag="quote"
):
    """The newest quote of a symbol."""

    success: Literal[True]


class MarketFeedQuotesAnswer(JsonDone, frozen=True, kw_only=True):
    """The newest quote of each symbol in the requested order, and the symbols without one."""

    quotes: list[MarketFeedQuote]
    without_price: list[str]
    unknown_symbols: list[str]


class MarketFeedFeedsBegun(JsonDone, frozen=True, kw_only=True):
    """The feeds run."""

    status: Literal["started", "already_running"]


class MarketFeedStreamingStatus(JsonDone, frozen=True, kw_only=True):
    """The state of the feeds, and the caller's subscriptions; for administrators everybody's."""

    active: bool
    since: Time | None
    stopped_by_admin: bool
    connections: dict[str, bool]
    message_counts: dict[str, int]
    client_connections: int
    client_subscription_counts: dict[str, int]
    timestamp: Time


class JsonNews(JsonDone, frozen=True, kw_only=True):
    """News, newest first; `sources` is the number of sources."""

    sources: int
    news: list[JsonNewsItem]


class JsonNewsQuery(Struct, kw_only=True):
    """Which news is requested."""

    symbol: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


_AREA = "Market data"

ROUTES = (
    Route(
        method="GET",
        path="/api/v1/market/quote/<symbol>",
        area=_AREA,
        about="The newest quote of a symbol.",
        needs=Permission.MARKET_READ,
        answer=MarketFeedQuoteAnswer,
        refusals={404: "There is no such symbol.", 503: "No price is known for it yet."},
    ),
    Route(
        method="POST",
        path="/api/v1/market/quotes",
        area=_AREA,
        about="The newest quotes of up to fifty symbols.",
        needs=Permission.MARKET_READ,
        body=QuotesRequest,
        answer=MarketFeedQuotesAnswer,
    ),
    Route(
        method="GET",
        path="/api/v1/market/streaming/status",
        area=_AREA,
        about="How the feeds are doing.",
        needs=Permission.MARKET_READ,
        answer=MarketFeedStreamingStatus,
    ),
    Route(
        method="POST",
        path="/api/v1/market/streaming/start",
        area=_AREA,
        about="Start the feeds.",
        needs=Permission.FEEDS_CONTROL,
        answer=MarketFeedFeedsBegun,
    ),
    Route(
        method="POST",
        path="/api/v1/market/streaming/stop",
        area=_AREA,
        about="Stop the feeds, until an administrator starts them.",
        needs=Permission.FEEDS_CONTROL,
        answer=DeskFeedsStopped,
    ),
    Route(
        method="GET",
        path="/api/v1/news",
        area=_AREA,
        about="The newest news, of all or of one symbol.",
        needs=Permission.MARKET_READ,
        query=JsonNewsQuery,
        answer=JsonNews,
        refusals={400: "The query is wrong.", 404: "There is no such symbol."},
    ),
)
