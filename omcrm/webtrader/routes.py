"""The desk's page and its JSON routes."""

import contextlib

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from msgspec import structs

from omcrm.auth.access import current_caller, refused, requires
from omcrm.auth.json_answer import json_answer
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.market.bar import TIMEFRAMES
from omcrm.market.catalogue import names_by_group
from omcrm.market.instrument import canonical_symbol
from omcrm.market.parsing import whole
from omcrm.web import feed_control
from omcrm.web.market_access import market_view
from omcrm.webtrader import service
from omcrm.wire.desk import DeskPriceUpdate
from omcrm.wire.desk_request import PriceHistory
from omcrm.wire.error_code import ErrorCode

blueprint = Blueprint("webtrader", __name__, url_prefix="/webtrader")

_for_people = requires(Permission.MARKET_READ, session_only=True, page=True)


@blueprint.errorhandler(AccessRefused)
def refuse(error: AccessRefused) -> ResponseReturnValue:
    return refused(error)


@blueprint.get("/")
@_for_people
def front() -> ResponseReturnValue:
    return redirect(url_for("webtrader.dashboard"))


@blueprint.get("/dashboard")
@_for_people
def dashboard() -> ResponseReturnValue:
    feed_control.start_for_viewer()
    return render_template("webtrader/webtrader.html", timeframes=TIMEFRAMES)


@blueprint.post("/start_realtime_feeds")
@requires(Permission.FEEDS_CONTROL)
def start_realtime_feeds() -> ResponseReturnValue:
    status = feed_control.start_by_admin(current_caller().user_id)
    mapping = names_by_group(market_view().instruments.values())
    return json_answer(
        {
            "success": True,
            "status": status,
            "instruments_count": sum(len(group) for group in mapping.values()),
            "crypto_symbols": list(mapping["crypto"]),
            "stock_symbols": list(mapping["stocks"]),
            "forex_symbols": list(mapping["forex"]),
        }
    )


@blueprint.post("/stop_realtime_feeds")
@requires(Permission.FEEDS_CONTROL)
def stop_realtime_feeds() -> ResponseReturnValue:
    return json_answer(
        {"success": True, "status": feed_control.stop_by_admin(current_caller().user_id)}
    )


@blueprint.get("/realtime_status")
@requires(Permission.MARKET_READ)
def realtime_status() -> ResponseReturnValue:
    return json_answer(service.realtime_status(current_caller()))


@blueprint.get("/realtime_price/<symbol>")
@requires(Permission.MARKET_READ)
def realtime_price(symbol: str) -> ResponseReturnValue:
    symbol = _known(symbol)
    quote = market_view().cache.get(symbol)
    if quote is None:
        raise AccessRefused(ErrorCode.NO_PRICE, f"No price is known for {symbol} yet", 503)
    return json_answer({"success": True, **structs.asdict(DeskPriceUpdate.of(quote))})


@blueprint.get("/chart_data/<symbol>")
@requires(Permission.MARKET_READ)
def chart_data(symbol: str) -> ResponseReturnValue:
    symbol = _known(symbol)
    try:
        query = msgspec.convert({"symbol": symbol, **_query()}, PriceHistory)
    except msgspec.ValidationError as error:
        raise AccessRefused(ErrorCode.INVALID_PAYLOAD, f"invalid query: {error}") from error
    history = service.price_history(symbol, query.timeframe, query.limit)
    return json_answer({"success": True, **structs.asdict(history)})


@blueprint.get("/market_status")
@requires(Permission.MARKET_READ)
def market_status() -> ResponseReturnValue:
    return json_answer({"success": True, **structs.asdict(service.market_status())})


@blueprint.get("/instruments")
@requires(Permission.MARKET_READ)
def instruments() -> ResponseReturnValue:
    catalogue = [service.described(instrument) for instrument in market_view().instruments.values()]
    return json_answer({"success": True, "instruments": catalogue})


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
