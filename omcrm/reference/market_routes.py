"""The HTTP of the market feed, and news."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from omcrm.auth.scope import Scope
from omcrm.gateways.market_feed_routes import QuotesRequest
from omcrm.reference.desk_routes import Done, FeedsStopped
from omcrm.reference.market_feed import Quote
from omcrm.reference.news_item import NewsItem
from omcrm.reference.route import Route
from omcrm.reference.schema import Time


class QuoteAnswer(Quote, kw_only=True, tag_field="type", tag="quote"):
    """The newest of a symbol."""

    success: Literal[True]


class QuotesAnswer(Done, kw_only=True):
    """The newest of each symbol in the order asked, and what there is nothing of."""

    quotes: list[Quote]
    without_price: list[str]
    unknown_symbols: list[str]


class FeedsBegun(Done, kw_only=True):
    """That the feeds run."""

    status: Literal["started", "already_running"]


class StreamingStatus(Done, kw_only=True):
    """How the feeds are doing, and who watches: one's own symbols, for administrators all."""

    active: bool
    since: Time | None
    stopped_by_admin: bool
    connections: dict[str, bool]
    message_counts: dict[str, int]
    client_connections: int
    client_subscription_counts: dict[str, int]
    timestamp: Time


class News(Done, kw_only=True):
    """The newest first; `sources` is how many there are."""

    sources: int
    news: list[NewsItem]


class NewsQuery(Struct, kw_only=True):
    """Which news."""

    symbol: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


_AREA = "Market data"

ROUTES = (
    Route(
        method="GET",
        path="/api/v1/market/quote/<symbol>",
        area=_AREA,
        about="The newest quote of a symbol.",
        needs=Scope.MARKET_READ,
        answer=QuoteAnswer,
        refusals={404: "There is no such symbol.", 503: "No price is known for it yet."},
    ),
    Route(
        method="POST",
        path="/api/v1/market/quotes",
        area=_AREA,
        about="The newest quotes of up to fifty symbols.",
        needs=Scope.MARKET_READ,
        body=QuotesRequest,
        answer=QuotesAnswer,
        refusals={400: "The body is wrong."},
    ),
    Route(
        method="GET",
        path="/api/v1/market/streaming/status",
        area=_AREA,
        about="How the feeds are doing.",
        needs=Scope.MARKET_READ,
        answer=StreamingStatus,
    ),
    Route(
        method="POST",
        path="/api/v1/market/streaming/start",
        area=_AREA,
        about="Start the feeds.",
        needs=Scope.FEEDS_CONTROL,
        answer=FeedsBegun,
    ),
    Route(
        method="POST",
        path="/api/v1/market/streaming/stop",
        area=_AREA,
        about="Stop the feeds, until an administrator starts them.",
        needs=Scope.FEEDS_CONTROL,
        answer=FeedsStopped,
    ),
    Route(
        method="GET",
        path="/api/v1/news",
        area=_AREA,
        about="The newest news, of all or of one symbol.",
        needs=Scope.MARKET_READ,
        query=NewsQuery,
        answer=News,
        refusals={400: "The query is wrong.", 404: "There is no such symbol."},
    ),
)
