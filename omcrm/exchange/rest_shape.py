"""The JSON of Binance's REST answers, built from the exchange's own values."""

from collections.abc import Iterable
from math import gcd
from typing import Any

from omcrm.exchange.candle import Candle
from omcrm.exchange.event import change
from omcrm.exchange.fixed import ONE, render, render_product
from omcrm.exchange.interval import closing
from omcrm.exchange.listing import Day, Listing
from omcrm.exchange.trade import Top, Trade
from omcrm.exchange.weight import WEIGHT_LIMIT

ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]
NOTHING = Top(0, 0, 0, 0, 0)


def day(listing: Listing, now: int, mini: bool) -> dict[str, Any]:
    """Give one element of ticker/24hr; zeros before the first trade, as Binance does."""
    figures = listing.day(now) or _empty_day(now)
    return _mini_day(listing, figures) if mini else _full_day(listing, figures)


def _mini_day(listing: Listing, figures: Day) -> dict[str, Any]:
    candle = figures.candle
    return {
        "symbol": listing.symbol,
        "openPrice": render(candle.open),
        "highPrice": render(candle.high),
        "lowPrice": render(candle.low),
        "lastPrice": render(figures.last.price),
        "volume": render(candle.volume),
        "quoteVolume": render_product(candle.quote),
        "openTime": figures.open_time,
        "closeTime": figures.close_time,
        "firstId": candle.first_id,
        "lastId": candle.last_id,
        "count": candle.count,
    }


def _full_day(listing: Listing, figures: Day) -> dict[str, Any]:
    difference, percent, average = change(figures)
    top = listing.top or NOTHING
    return {
        **_mini_day(listing, figures),
        "priceChange": difference,
        "priceChangePercent": percent,
        "weightedAvgPrice": average,
        "prevClosePrice": render(figures.price_before),
        "lastQty": render(figures.last.quantity),
        "bidPrice": render(top.bid),
        "bidQty": render(top.bid_quantity),
        "askPrice": render(top.ask),
        "askQty": render(top.ask_quantity),
    }


def _empty_day(now: int) -> Day:
    nothing = Candle(now, 0, 0, 0, 0)
    return Day(nothing, 0, Trade(-1, 0, 0, now, False), now, now)


def price(listing: Listing) -> dict[str, str]:
    """Give one element of ticker/price."""
    last = listing.last
    return {"symbol": listing.symbol, "price": render(last.price if last else 0)}


def book_ticker(listing: Listing) -> dict[str, str]:
    """Give one element of ticker/bookTicker."""
    top = listing.top or NOTHING
    return {
        "symbol": listing.symbol,
        "bidPrice": render(top.bid),
        "bidQty": render(top.bid_quantity),
        "askPrice": render(top.ask),
        "askQty": render(top.ask_quantity),
    }


def kline(interval: str, candle: Candle) -> list[int | str]:
    """Give one row of klines."""
    return [
        candle.time,
        render(candle.open),
        render(candle.high),
        render(candle.low),
        render(candle.close),
        render(candle.volume),
        closing(interval, candle.time),
        render_product(candle.quote),
        candle.count,
        render(candle.taker_volume),
        render_product(candle.taker_quote),
        "0",
    ]


def trade(event: Trade) -> dict[str, Any]:
    """Give one element of trades."""
    return {
        "id": event.id,
        "price": render(event.price),
        "qty": render(event.quantity),
        "quoteQty": render_product(event.quote),
        "time": event.time,
        "isBuyerMaker": event.buyer_is_maker,
        "isBestMatch": True,
    }


def exchange_info(listings: Iterable[Listing], now: int) -> dict[str, Any]:
    """Give the exchangeInfo answer."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_LIMIT),
            _limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(listing) for listing in listings],
    }


def _limit(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _symbol(listing: Listing) -> dict[str, Any]:
    tick, step = render(_tick(listing)), render(listing.step)
    return {
        "symbol": listing.symbol,
        "status": listing.status,
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000",
             "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000",
             "stepSize": step},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }  # fmt: skip


def _tick(listing: Listing) -> int:
    """Give the tick; a tape does not tell it, so there it is the power of ten the prices show."""
    if listing.tick > 1:
        return listing.tick
    top = listing.top or NOTHING
    common = gcd(top.bid, top.ask, *(event.price for event in listing.trades))
    tick = ONE
    while common and common % tick:
        tick //= 10
    return tick if common else 1
