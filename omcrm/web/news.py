"""News over HTTP, and the status of its sources."""

import contextlib
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from omcrm.auth.access import refused, requires
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.feeds.news.collector import NewsCollector
from omcrm.market.instrument import canonical_symbol
from omcrm.market.news_item import SIMULATED_NEWS, NewsItem
from omcrm.market.parsing import whole
from omcrm.web.json_answer import json_answer
from omcrm.web.market_access import market_view
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode

_DEFAULT, _MOST = 50, 200

blueprint = Blueprint("news", __name__, url_prefix="/api/v1")


@blueprint.errorhandler(AccessRefused)
def refuse(error: AccessRefused) -> ResponseReturnValue:
    return refused(error)


@blueprint.get("/news")
@requires(Permission.MARKET_READ)
def latest_news() -> ResponseReturnValue:
    symbol = canonical_symbol(request.args.get("symbol", "")) or None
    view, limit = market_view(), _limit()
    if symbol is not None and symbol not in view.instruments:
        raise AccessRefused(
            ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol[:20]}", 404, "symbol"
        )
    body = {
        "success": True,
        "sources": len(view.news.status()),
        "news": [news_body(item) for item in view.news.latest(limit, symbol)],
    }
    return json_answer(body)


def news_body(item: NewsItem) -> dict[str, Any]:
    """One item as JSON: plain texts, None for fields that the source does not send."""
    return {
        "id": item.id,
        "seq": item.seq,
        "title": item.title,
        "summary": item.summary,
        "url": item.url,
        "image": item.image,
        "source": item.source,
        "publisher": item.publisher,
        "published_at": iso(item.published_at),
        "received_at": iso(item.received_at),
        "symbols": list(item.symbols),
        "simulated": item.source == SIMULATED_NEWS,
    }


def news_status(collector: NewsCollector) -> list[dict[str, Any]]:
    """The status of each source, for administrators."""
    return [
        {
            "source": status.source,
            "url": status.url,
            "last_success": iso(status.last_success),
            "last_error": status.last_error,
            "failures": status.failures,
            "items": status.items,
            "next_in_seconds": status.next_in,
        }
        for status in collector.status()
    ]


def _limit() -> int:
    text = request.args.get("limit", str(_DEFAULT))
    with contextlib.suppress(ValueError):
        if 1 <= (limit := whole(text)) <= _MOST:
            return limit
    message = f"limit must be a whole number from 1 to {_MOST}"
    raise AccessRefused(ErrorCode.INVALID_PAYLOAD, message, field="limit")
