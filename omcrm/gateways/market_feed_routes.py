"""The HTTP routes beside `/ws/market/feed`: quotes on request, and the state of the feeds."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

from flask import Blueprint
from flask.typing import ResponseReturnValue
from msgspec import Meta, Struct, structs

from omcrm.auth.access import current_caller, refused, requires
from omcrm.auth.json_answer import json_answer
from omcrm.auth.permission import Permission
from omcrm.auth.request_body import request_body
from omcrm.errors import AccessRefused
from omcrm.market.instrument import canonical_symbol, canonical_symbols
from omcrm.services import services
from omcrm.storage import feed_switch
from omcrm.web.feed_control import start_by_admin, start_for_viewer, stop_by_admin
from omcrm.web.market_access import feed_engine, market_view
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.field import Symbol
from omcrm.wire.market_feed import MARKET_FEED, MarketFeedQuote

_MOST_QUOTES = 50

blueprint = Blueprint("market_feed", __name__, url_prefix="/api/v1/market")


class QuotesRequest(Struct, frozen=True):
    """The body of a request for several quotes."""

    symbols: Annotated[list[Symbol], Meta(min_length=1, max_length=_MOST_QUOTES)]


@blueprint.errorhandler(AccessRefused)
def refuse(error: AccessRefused) -> ResponseReturnValue:
    return refused(error)


@blueprint.get("/streaming/status")
@requires(Permission.MARKET_READ)
def status() -> ResponseReturnValue:
    engine, caller = feed_engine(), current_caller()
    feeds = engine.status()
    return json_answer(
        {
            "success": True,
            "active": engine.running,
            "since": iso(engine.since),
            "stopped_by_admin": feed_switch.are_stopped(),
            "connections": {name: item.active for name, item in feeds.items()},
            "message_counts": {name: item.messages for name, item in feeds.items()},
            "client_connections": len(services().client_registry.clients(dialect=MARKET_FEED.name)),
            # Each user sees only the symbols of their own clients.
            "client_subscription_counts": _subscription_counts(
                None if caller.may(Permission.CONNECTIONS_READ) else caller.user_id
            ),
            "timestamp": iso(datetime.now(UTC)),
        }
    )


@blueprint.post("/streaming/start")
@requires(Permission.FEEDS_CONTROL)
def start() -> ResponseReturnValue:
    return json_answer({"success": True, "status": start_by_admin(current_caller().user_id)})


@blueprint.post("/streaming/stop")
@requires(Permission.FEEDS_CONTROL)
def stop() -> ResponseReturnValue:
    return json_answer({"success": True, "status": stop_by_admin(current_caller().user_id)})


@blueprint.get("/quote/<symbol>")
@requires(Permission.MARKET_READ)
def quote(symbol: str) -> ResponseReturnValue:
    start_for_viewer()
    symbol, view = canonical_symbol(symbol), market_view()
    if symbol not in view.instruments:
        raise AccessRefused(ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol[:20]}", 404)
    cached = view.cache.get(symbol)
    if cached is None:
        raise AccessRefused(ErrorCode.NO_PRICE, f"No price is known for {symbol} yet", 503)
    message = MarketFeedQuote.of(cached, view.instruments[symbol])
    return json_answer({"success": True, "type": "quote", **structs.asdict(message)})


@blueprint.post("/quotes")
@requires(Permission.MARKET_READ)
def quotes() -> ResponseReturnValue:
    body = request_body(QuotesRequest)
    start_for_viewer()
    known, cached = market_view().instruments, market_view().cache.snapshot()
    symbols = canonical_symbols(body.symbols)
    return json_answer(
        {
            "success": True,
            "quotes": [
                MarketFeedQuote.of(cached[symbol], known[symbol])
                for symbol in symbols
                if symbol in cached and symbol in known
            ],
            "without_price": [
                symbol for symbol in symbols if symbol in known and symbol not in cached
            ],
            "unknown_symbols": [symbol for symbol in symbols if symbol not in known],
        }
    )


def _subscription_counts(user_id: int | None) -> dict[str, int]:
    """How many clients are subscribed to each symbol, of all users or of one."""
    clients = services().client_registry.clients(user_id, MARKET_FEED.name)
    return dict(Counter(str(key) for client in clients for key in client.subscriptions.copy()))
