"""Quotes on request, the state of the feeds, and news, over HTTP."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from omcrm.wire.answer import JsonDone
from omcrm.wire.field import Symbol, Time
from omcrm.wire.market_feed import MarketFeedQuote
from omcrm.wire.news import JsonNewsItem

_MOST_QUOTES = 50
USUAL_NEWS, MOST_NEWS = 50, 200
"""How many news an answer has, and at most."""


class MarketFeedQuoteAnswer(MarketFeedQuote, frozen=True, tag=False):
    """The newest quote of a symbol."""

    # Not `kw_only`, and no tag, so that they are the first fields in this order.
    success: Literal[True] = True
    type: Literal["quote"] = "quote"


class QuotesRequest(Struct, frozen=True):
    """The body of a request for several quotes."""

    symbols: Annotated[list[Symbol], Meta(min_length=1, max_length=_MOST_QUOTES)]


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


class JsonNewsQuery(Struct, frozen=True, kw_only=True):
    """Which news is requested."""

    symbol: str | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_NEWS)] = USUAL_NEWS
