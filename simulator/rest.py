"""Binance's REST interface for market data."""

import time
from collections.abc import Callable

import msgspec

from simulator import event, rest_shape
from simulator.http import HttpAnswer, HttpRequest, json_answer
from simulator.interval import LENGTHS
from simulator.listing import Listing
from simulator.parameter import Parameters, checked_symbol
from simulator.provider_server import ProviderServer
from simulator.refusal import RefusedError, weight_exceeded

PREFIX = "/api/v3/"
NOT_FOUND = HttpAnswer(404, b"<html><body><h1>404</h1></body></html>", content_type="text/html")
WEIGHT_HEADERS = ("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M")
END_OF_TIME = 2**53

Handler = Callable[[ProviderServer, Parameters], bytes]


def answer(server: ProviderServer, request: HttpRequest) -> HttpAnswer:
    """Answer one call."""
    route = ROUTES.get(request.path.removeprefix(PREFIX))
    if route is None or not request.path.startswith(PREFIX):
        return NOT_FOUND
    if request.method != "GET":
        return json_answer({"code": -1000, "msg": "Request method not supported."}, 405)
    handler, known, cost = route
    wait = server.weight.add(cost(dict(request.parameters)), time.time())
    if wait is not None:
        return weight_exceeded(wait)
    headers = dict.fromkeys(WEIGHT_HEADERS, str(server.weight.used))
    try:
        body = handler(server, Parameters(request.parameters, known))
    except RefusedError as refused:
        refusal = refused.answer
        return HttpAnswer(refusal.status, refusal.body, headers)
    return HttpAnswer(200, body, headers)


# The listings of a call


def _listing(server: ProviderServer, parameters: Parameters) -> Listing:
    return _known(server, checked_symbol(parameters.required("symbol")))


def _known(server: ProviderServer, symbol: str) -> Listing:
    listing = server.source.listings.get(symbol)
    if listing is None:
        raise RefusedError(-1121, "Invalid symbol.")
    return listing


def _listings(server: ProviderServer, parameters: Parameters) -> list[Listing]:
    symbols = parameters.symbols()
    if symbols is None:
        return list(server.source.listings.values())
    return [_known(server, symbol) for symbol in symbols]


# The calls


def _ping(server: ProviderServer, parameters: Parameters) -> bytes:
    return b"{}"


def _day(server: ProviderServer, parameters: Parameters) -> bytes:
    kind = parameters.text("type") or "FULL"
    if kind not in {"FULL", "MINI"}:
        raise RefusedError(-1139, "Invalid ticker type.")
    now = server.source.now()
    is_mini = kind == "MINI"
    days = [rest_shape.day(item, now, is_mini) for item in _listings(server, parameters)]
    # One object for `symbol`, otherwise a list.
    return msgspec.json.encode(days[0] if parameters.text("symbol") else days)


def _klines(server: ProviderServer, parameters: Parameters) -> bytes:
    listing = _listing(server, parameters)
    interval = parameters.required("interval")
    if interval not in LENGTHS:
        raise RefusedError(-1120, "Invalid interval.")
    start = parameters.number("startTime", 0)
    end = parameters.number("endTime", END_OF_TIME)
    limit = _limit(parameters, 500, 1000)
    bars = [bar for bar in listing.bars(interval) if start <= bar.time <= end]
    # With a start the oldest rows are returned, without one the newest.
    chosen = bars[:limit] if start else bars[-limit:]
    return msgspec.json.encode([rest_shape.kline(interval, bar) for bar in chosen])


def _depth(server: ProviderServer, parameters: Parameters) -> bytes:
    return event.depth_snapshot(_listing(server, parameters), _limit(parameters, 100, 5000))


def _limit(parameters: Parameters, default: int, most: int) -> int:
    return min(max(1, parameters.number("limit", default)), most)


# The weight of each call


def _fixed(weight: int) -> Callable[[dict[str, str]], int]:
    return lambda given: weight


def _day_weight(given: dict[str, str]) -> int:
    count = given.get("symbols", "").count(",") + 1
    if "symbol" in given or ("symbols" in given and count <= 20):
        return 2
    return 40 if "symbols" in given and count <= 100 else 80


def _depth_weight(given: dict[str, str]) -> int:
    text = given.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdecimal() else 100
    return next((w for most, w in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250)


ROUTES: dict[str, tuple[Handler, frozenset[str], Callable[[dict[str, str]], int]]] = {
    "ping": (_ping, frozenset(), _fixed(1)),
    "ticker/24hr": (_day, frozenset({"symbol", "symbols", "type"}), _day_weight),
    "klines": (
        _klines,
        frozenset({"symbol", "interval", "startTime", "endTime", "limit", "timeZone"}),
        _fixed(2),
    ),
    "depth": (_depth, frozenset({"symbol", "limit"}), _depth_weight),
}
