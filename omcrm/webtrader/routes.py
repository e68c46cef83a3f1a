"""The desk's page and its JSON routes."""

import contextlib

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from msgspec import structs

from omcrm.auth.access import current_caller, requires
from omcrm.auth.json_route import answers
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.market.bar import TIMEFRAMES
from omcrm.market.catalogue import names_by_group
from omcrm.market.instrument import canonical_symbol
from omcrm.market.parsing import whole
from omcrm.web import feed_control
from omcrm.web.market_access import market_view
from omcrm.webtrader import service
from omcrm.wire.desk_catalogue import (
    DeskCatalogue,
    DeskChartData,
    DeskChartQuery,
    DeskDescribed,
    DeskMarkets,
    DeskPrice,
)
from omcrm.wire.desk_status import DeskFeedsStarted, DeskFeedsStopped, DeskRealtimeStatus
from omcrm.wire.error_code import ErrorCode

blueprint = Blueprint("webtrader", __name__, url_prefix="/webtrader")

_UNKNOWN = {404: "There is no such symbol."}

_for_people = requires(Permission.MARKET_READ, session_only=True, page=True)


@blueprint.get("/")
@_for_people
def front() -> ResponseReturnValue:
    return redirect(url_for("webtrader.dashboard"))


@blueprint.get("/dashboard")
@_for_people
def dashboard() -> ResponseReturnValue:
    feed_control.start_for_viewer()
    return render_template("webtrader/webtrader.html", timeframes=TIMEFRAMES)


@blueprint.get("/instruments")
@requires(Permission.MARKET_READ)
@answers(DeskCatalogue)
def instruments() -> DeskCatalogue:
    """The catalogue."""
    known = market_view().instruments.values()
    return DeskCatalogue(instruments=[DeskDescribed.of(instrument) for instrument in known])


@blueprint.get("/realtime_price/<symbol>")
@requires(Permission.MARKET_READ)
@answers(DeskPrice, refusals={**_UNKNOWN, 503: "No price is known for it yet."})
def realtime_price(symbol: str) -> DeskPrice:
    """The newest price of a symbol."""
    symbol = _known(symbol)
    quote = market_view().cache.get(symbol)
    if quote is None:
        raise AccessRefused(ErrorCode.NO_PRICE, f"No price is known for {symbol} yet", 503)
    return DeskPrice.of(quote)


@blueprint.get("/chart_data/<symbol>")
@requires(Permission.MARKET_READ)
@answers(DeskChartData, query=DeskChartQuery, refusals={400: "The query is wrong.", **_UNKNOWN})
def chart_data(symbol: str) -> DeskChartData:
    """The candles of a symbol."""
    symbol = _known(symbol)
    try:
        query = msgspec.convert(_query(), DeskChartQuery)
    except msgspec.ValidationError as error:
        raise AccessRefused(ErrorCode.INVALID_PAYLOAD, f"invalid query: {error}") from error
    history = service.price_history(symbol, query.timeframe, query.limit)
    return DeskChartData(**structs.asdict(history))


@blueprint.get("/market_status")
@requires(Permission.MARKET_READ)
@answers(DeskMarkets)
def market_status() -> DeskMarkets:
    """Which markets are open."""
    return DeskMarkets(**structs.asdict(service.market_status()))


@blueprint.get("/realtime_status")
@requires(Permission.MARKET_READ)
@answers(DeskRealtimeStatus)
def realtime_status() -> DeskRealtimeStatus:
    """How the feeds, the clients and the delivery are doing."""
    return service.realtime_status(current_caller())


@blueprint.post("/start_realtime_feeds")
@requires(Permission.FEEDS_CONTROL)
@answers(DeskFeedsStarted)
def start_realtime_feeds() -> DeskFeedsStarted:
    """Start the feeds."""
    status = feed_control.start_by_admin(current_caller().user_id)
    mapping = names_by_group(market_view().instruments.values())
    return DeskFeedsStarted(
        status=status,
        instruments_count=sum(len(group) for group in mapping.values()),
        crypto_symbols=list(mapping["crypto"]),
        stock_symbols=list(mapping["stocks"]),
        forex_symbols=list(mapping["forex"]),
    )


@blueprint.post("/stop_realtime_feeds")
@requires(Permission.FEEDS_CONTROL)
@answers(DeskFeedsStopped)
def stop_realtime_feeds() -> DeskFeedsStopped:
    """Stop the feeds, until an administrator starts them."""
    return DeskFeedsStopped(status=feed_control.stop_by_admin(current_caller().user_id))


def _query() -> dict[str, str | int]:
    """The query with `limit` as a number; an invalid one stays text and fails validation."""
    query: dict[str, str | int] = {**request.args.to_dict()}
    with contextlib.suppress(KeyError, ValueError):
        query["limit"] = whole(request.args["limit"])
    return query


def _known(symbol: str) -> str:
    """The symbol in its canonical spelling; refused where there is no such instrument."""
    symbol = canonical_symbol(symbol)
    if symbol not in market_view().instruments:
        raise AccessRefused(ErrorCode.UNKNOWN_SYMBOL, f"Unknown symbol: {symbol[:20]}", 404)
    return symbol
