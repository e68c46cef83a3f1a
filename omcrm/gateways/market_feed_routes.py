"""The HTTP routes beside `/ws/market/feed`: quotes on request, and the state of the feeds."""

from collections import Counter
from datetime import UTC, datetime

from flask import Blueprint

from omcrm.auth.access import current_caller, requires
from omcrm.auth.json_route import answers, takes
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.market.instrument import canonical_symbol, canonical_symbols
from omcrm.services import services
from omcrm.storage import feed_switch
from omcrm.web.feed_control import start_by_admin, start_for_viewer, stop_by_admin
from omcrm.web.market_access import feed_engine, market_view
from omcrm.wire.desk_status import DeskFeedsStopped
from omcrm.wire.encoding import iso
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.explanation import JsonExplanation
from omcrm.wire.market_data import (
    MarketFeedFeedsBegun,
    MarketFeedQuoteAnswer,
    MarketFeedQuotesAnswer,
    MarketFeedStreamingStatus,
    QuotesRequest,
)
from omcrm.wire.market_feed import MARKET_FEED, MarketFeedQuote

blueprint = Blueprint("market_feed", __name__, url_prefix="/api/v1/market")


@blueprint.get("/quote/<symbol>")
@requires(Permission.MARKET_READ)
@answers(
    MarketFeedQuoteAnswer,
    refusals={404: "There is no such symbol.", 503: "No price is known for it yet."},
)
def quote(symbol: str) -> MarketFeedQuoteAnswer:
    """The newest quote of a symbol."""
    start_for_viewer()
    symbol, view = canonical_symbol(symbol), market_view()
    if symbol not in view.instruments:
        raise AccessRefused(ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol[:20]}", 404)
    cached = view.cache.get(symbol)
    if cached is None:
        raise AccessRefused(ErrorCode.NO_PRICE, f"No price is known for {symbol} yet", 503)
    return MarketFeedQuoteAnswer.of(cached, view.instruments[symbol])


@blueprint.get("/why/<symbol>")
@requires(Permission.MARKET_READ)
@answers(
    JsonExplanation,
    refusals={404: "There is no such symbol.", 503: "The engine does not answer."},
)
def why(symbol: str) -> JsonExplanation:
    """Why the price of a symbol is what it is: each source's state, and what decided."""
    start_for_viewer()
    symbol = canonical_symbol(symbol)
    explanation = feed_engine().explain(symbol)
    if explanation is None:
        raise AccessRefused(ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol[:20]}", 404)
    return JsonExplanation.of(explanation)


@blueprint.post("/quotes")
@requires(Permission.MARKET_READ)
@answers(MarketFeedQuotesAnswer)
@takes(QuotesRequest)
def quotes(body: QuotesRequest) -> MarketFeedQuotesAnswer:
    """The newest quotes of up to fifty symbols."""
    start_for_viewer()
    known, cached = market_view().instruments, market_view().cache.snapshot()
    symbols = canonical_symbols(body.symbols)
    return MarketFeedQuotesAnswer(
        quotes=[
            MarketFeedQuote.of(cached[symbol], known[symbol])
            for symbol in symbols
            if symbol in cached and symbol in known
        ],
        without_price=[symbol for symbol in symbols if symbol in known and symbol not in cached],
        unknown_symbols=[symbol for symbol in symbols if symbol not in known],
    )


@blueprint.get("/streaming/status")
@requires(Permission.MARKET_READ)
@answers(MarketFeedStreamingStatus)
def status() -> MarketFeedStreamingStatus:
    """How the feeds are doing."""
    engine, caller = feed_engine(), current_caller()
    feeds = engine.status()
    return MarketFeedStreamingStatus(
        active=engine.running,
        since=iso(engine.since),
        stopped_by_admin=feed_switch.are_stopped(),
        connections={name: item.active for name, item in feeds.items()},
        message_counts={name: item.messages for name, item in feeds.items()},
        client_connections=len(services().client_registry.clients(dialect=MARKET_FEED.name)),
        # Each user sees only the symbols of their own clients.
        client_subscription_counts=_subscription_counts(
            None if caller.may(Permission.CONNECTIONS_READ) else caller.user_id
        ),
        timestamp=iso(datetime.now(UTC)),
    )


@blueprint.post("/streaming/start")
@requires(Permission.FEEDS_CONTROL)
@answers(MarketFeedFeedsBegun)
def start() -> MarketFeedFeedsBegun:
    """Start the feeds."""
    return MarketFeedFeedsBegun(status=start_by_admin(current_caller().user_id))


@blueprint.post("/streaming/stop")
@requires(Permission.FEEDS_CONTROL)
@answers(DeskFeedsStopped)
def stop() -> DeskFeedsStopped:
    """Stop the feeds, until an administrator starts them."""
    return DeskFeedsStopped(status=stop_by_admin(current_caller().user_id))


def _subscription_counts(user_id: int | None) -> dict[str, int]:
    """How many clients are subscribed to each symbol, of all users or of one."""
    clients = services().client_registry.clients(user_id, MARKET_FEED.name)
    return dict(Counter(str(key) for client in clients for key in client.subscriptions.copy()))
