"""Binance's REST interface for market data."""

import time
from collections.abc import Callable

import msgspec

from omcrm.exchange import event, rest_shape
from omcrm.exchange.exchange import Exchange
from omcrm.exchange.http import Answer, Request, json_answer
from omcrm.exchange.interval import LENGTHS
from omcrm.exchange.listing import Listing
from omcrm.exchange.parameter import Parameters, checked_symbol
from omcrm.exchange.refusal import RefusedError, weight_exceeded

PREFIX = "/api/v3/"
NOT_FOUND = Answer(404, b"<html><body><h1>404</h1></body></html>", content_type="text/html")
WEIGHT_HEADERS = ("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M")
END_OF_TIME = 2**53

Handler = Callable[[Exchange, Parameters], bytes]


def answer(exchange: Exchange, request: Request) -> Answer:
    """Answer one call."""
    route = ROUTES.get(request.path.removeprefix(PREFIX))
    if route is None or not request.path.startswith(PREFIX):
        return NOT_FOUND
    if request.method != "GET":
        return json_answer({"code": -1000, "msg": "Request method not supported."}, 405)
    handler, known, cost = route
    wait = exchange.weight.add(cost(dict(request.parameters)), time.time())
    if wait is not None:
        return weight_exceeded(wait)
    headers = dict.fromkeys(WEIGHT_HEADERS, str(exchange.weight.used))
    try:
        body = handler(exchange, Parameters(request.parameters, known))
    except RefusedError as refused:
        refusal = refused.answer
        return Answer(refusal.status, refusal.body, headers)
    return Answer(200, body, headers)


# The listings a call is about


def _listing(exchange: Exchange, parameters: Parameters) -> Listing:
    return _known(exchange, checked_symbol(parameters.required("symbol")))


def _known(exchange: Exchange, symbol: str) -> Listing:
    listing = exchange.source.listings.get(symbol)
    if listing is None:
        raise RefusedError(-1121, "Invalid symbol.")
    return listing


def _listings(exchange: Exchange, parameters: Parameters) -> list[Listing]:
    symbols = parameters.symbols()
    if symbols is None:
        return list(exchange.source.listings.values())
    return [_known(exchange, symbol) for symbol in symbols]


def _each(exchange: Exchange, parameters: Parameters, build: Callable[[Listing], object]) -> bytes:
    """Give one object for `symbol`, otherwise a list."""
    built = [build(listing) for listing in _listings(exchange, parameters)]
    return msgspec.json.encode(built[0] if parameters.text("symbol") else built)


# The calls


def _ping(exchange: Exchange, parameters: Parameters) -> bytes:
    return b"{}"


def _time(exchange: Exchange, parameters: Parameters) -> bytes:
    return msgspec.json.encode({"serverTime": exchange.source.now()})


def _exchange_info(exchange: Exchange, parameters: Parameters) -> bytes:
    listings = _listings(exchange, parameters)
    return msgspec.json.encode(rest_shape.exchange_info(listings, exchange.source.now()))


def _day(exchange: Exchange, parameters: Parameters) -> bytes:
    kind = parameters.text("type") or "FULL"
    if kind not in {"FULL", "MINI"}:
        raise RefusedError(-1139, "Invalid ticker type.")
    now = exchange.source.now()
    return _each(exchange, parameters, lambda item: rest_shape.day(item, now, kind == "MINI"))


def _price(exchange: Exchange, parameters: Parameters) -> bytes:
    return _each(exchange, parameters, rest_shape.price)


def _book_ticker(exchange: Exchange, parameters: Parameters) -> bytes:
    return _each(exchange, parameters, rest_shape.book_ticker)


def _klines(exchange: Exchange, parameters: Parameters) -> bytes:
    listing = _listing(exchange, parameters)
    interval = parameters.required("interval")
    if interval not in LENGTHS:
        raise RefusedError(-1120, "Invalid interval.")
    start = parameters.number("startTime", 0)
    end = parameters.number("endTime", END_OF_TIME)
    limit = _limit(parameters, 500, 1000)
    candles = [candle for candle in listing.candles(interval) if start <= candle.time <= end]
    # With a start the oldest rows are given, without one the newest.
    chosen = candles[:limit] if start else candles[-limit:]
    return msgspec.json.encode([rest_shape.kline(interval, candle) for candle in chosen])


def _depth(exchange: Exchange, parameters: Parameters) -> bytes:
    return event.depth_snapshot(_listing(exchange, parameters), _limit(parameters, 100, 5000))


def _trades(exchange: Exchange, parameters: Parameters) -> bytes:
    trades = list(_listing(exchange, parameters).trades)[-_limit(parameters, 500, 1000) :]
    return msgspec.json.encode([rest_shape.trade(event) for event in trades])


def _limit(parameters: Parameters, default: int, most: int) -> int:
    return min(max(1, parameters.number("limit", default)), most)


# What each call costs


def _fixed(weight: int) -> Callable[[dict[str, str]], int]:
    return lambda given: weight


def _day_weight(given: dict[str, str]) -> int:
    count = given.get("symbols", "").count(",") + 1
    if "symbol" in given or ("symbols" in given and count <= 20):
        return 2
    return 40 if "symbols" in given and count <= 100 else 80


def _price_weight(given: dict[str, str]) -> int:
    return 2 if "symbol" in given else 4


def _depth_weight(given: dict[str, str]) -> int:
    text = given.get("limit", "100")
    limit = int(text) if text.isascii() and text.isdecimal() else 100
    return next((w for most, w in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250)


ROUTES: dict[str, tuple[Handler, frozenset[str], Callable[[dict[str, str]], int]]] = {
    "ping": (_ping, frozenset(), _fixed(1)),
    "time": (_time, frozenset(), _fixed(1)),
    "exchangeInfo": (_exchange_info, frozenset({"symbol", "symbols"}), _fixed(20)),
    "ticker/24hr": (_day, frozenset({"symbol", "symbols", "type"}), _day_weight),
    "ticker/price": (_price, frozenset({"symbol", "symbols"}), _price_weight),
    "ticker/bookTicker": (_book_ticker, frozenset({"symbol", "symbols"}), _price_weight),
    "klines": (
        _klines,
        frozenset({"symbol", "interval", "startTime", "endTime", "limit", "timeZone"}),
        _fixed(2),
    ),
    "depth": (_depth, frozenset({"symbol", "limit"}), _depth_weight),
    "trades": (_trades, frozenset({"symbol", "limit"}), _fixed(25)),
}
