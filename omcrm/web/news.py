"""News over HTTP, and the status of its sources."""

import contextlib

from flask import Blueprint, request

from omcrm.auth.access import requires
from omcrm.auth.json_route import answers
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.feeds.news.collector import NewsCollector
from omcrm.market.instrument import canonical_symbol
from omcrm.market.parsing import whole
from omcrm.web.market_access import market_view
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.feed_report import DeskNewsSource
from omcrm.wire.market_data import MOST_NEWS, USUAL_NEWS, JsonNews, JsonNewsQuery
from omcrm.wire.news import JsonNewsItem

blueprint = Blueprint("news", __name__, url_prefix="/api/v1")


@blueprint.get("/news")
@requires(Permission.MARKET_READ)
@answers(
    JsonNews,
    query=JsonNewsQuery,
    refusals={400: "The query is wrong.", 404: "There is no such symbol."},
)
def latest_news() -> JsonNews:
    """The newest news, of all or of one symbol."""
    symbol = canonical_symbol(request.args.get("symbol", "")) or None
    view, limit = market_view(), _limit()
    if symbol is not None and symbol not in view.instruments:
        raise AccessRefused(
            ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol[:20]}", 404, "symbol"
        )
    return JsonNews(
        sources=len(view.news.status()),
        news=[JsonNewsItem.of(item) for item in view.news.latest(limit, symbol)],
    )


def news_status(collector: NewsCollector) -> list[DeskNewsSource]:
    """The status of each source, for administrators."""
    return [
        DeskNewsSource(
            source=status.source,
            url=status.url,
            last_success=iso(status.last_success),
            last_error=status.last_error,
            failures=status.failures,
            items=status.items,
            next_in_seconds=status.next_in,
        )
        for status in collector.status()
    ]


def _limit() -> int:
    text = request.args.get("limit", str(USUAL_NEWS))
    with contextlib.suppress(ValueError):
        if 1 <= (limit := whole(text)) <= MOST_NEWS:
            return limit
    message = f"limit must be a whole number from 1 to {MOST_NEWS}"
    raise AccessRefused(ErrorCode.INVALID_PAYLOAD, message, field="limit")
