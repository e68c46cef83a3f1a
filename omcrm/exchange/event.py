"""The WebSocket payloads of Binance's market streams, built from the exchange's own values."""

from typing import Any

import msgspec

from omcrm.exchange.book import Levels
from omcrm.exchange.candle import Candle
from omcrm.exchange.fixed import render, render_product
from omcrm.exchange.interval import closing
from omcrm.exchange.listing import Day, Listing
from omcrm.exchange.trade import Top, Trade

HUNDRED_PERCENT = 100
encode = msgspec.json.encode


def trade(symbol: str, event: Trade, now: int) -> bytes:
    """Give a `trade` event."""
    return encode({
        "e": "trade", "E": now, "s": symbol, "t": event.id, "p": render(event.price),
        "q": render(event.quantity), "T": event.time, "m": event.buyer_is_maker, "M": True,
    })  # fmt: skip


def aggregate_trade(symbol: str, event: Trade, now: int) -> bytes:
    """Give an `aggTrade` event that holds this one trade."""
    return encode({
        "e": "aggTrade", "E": now, "s": symbol, "a": event.id, "p": render(event.price),
        "q": render(event.quantity), "f": event.id, "l": event.id, "T": event.time,
        "m": event.buyer_is_maker, "M": True,
    })  # fmt: skip


def book_ticker(symbol: str, top: Top) -> bytes:
    """Give a bookTicker payload, which has neither type nor time."""
    return encode({
        "u": top.update_id, "s": symbol, "b": render(top.bid), "B": render(top.bid_quantity),
        "a": render(top.ask), "A": render(top.ask_quantity),
    })  # fmt: skip


def change(day: Day) -> tuple[str, str, str]:
    """Give a day's price change, the change in percent (3 decimals), the weighted average."""
    candle = day.candle
    difference = candle.close - candle.open
    percent = round(difference * HUNDRED_PERCENT * 1000 / candle.open) if candle.open else 0
    average = candle.quote // candle.volume if candle.volume else candle.close
    sign = "-" if percent < 0 else ""
    thousandths = f"{sign}{abs(percent) // 1000}.{abs(percent) % 1000:03d}"
    return render(difference), thousandths, render(average)


def ticker(listing: Listing, day: Day, now: int) -> bytes:
    """Give a 24hrTicker event."""
    candle, top = day.candle, listing.top or Top(0, 0, 0, 0, 0)
    difference, percent, average = change(day)
    return encode({
        "e": "24hrTicker", "E": now, "s": listing.symbol, "p": difference, "P": percent,
        "w": average, "x": render(day.price_before), "c": render(day.last.price),
        "Q": render(day.last.quantity), "b": render(top.bid), "B": render(top.bid_quantity),
        "a": render(top.ask), "A": render(top.ask_quantity), "o": render(candle.open),
        "h": render(candle.high), "l": render(candle.low), "v": render(candle.volume),
        "q": render_product(candle.quote), "O": day.open_time, "C": day.close_time,
        "F": candle.first_id, "L": candle.last_id, "n": candle.count,
    })  # fmt: skip


def mini_ticker(symbol: str, day: Day, now: int) -> dict[str, Any]:
    """Give a 24hrMiniTicker event, not encoded yet: it is also an element of an array."""
    candle = day.candle
    return {
        "e": "24hrMiniTicker", "E": now, "s": symbol, "c": render(candle.close),
        "o": render(candle.open), "h": render(candle.high), "l": render(candle.low),
        "v": render(candle.volume), "q": render_product(candle.quote),
    }  # fmt: skip


def average_price(symbol: str, candle: Candle, now: int, last_time: int) -> bytes:
    """Give an `avgPrice` event over the five minutes that `candle` sums up."""
    average = candle.quote // candle.volume if candle.volume else candle.close
    return encode({
        "e": "avgPrice", "E": now, "s": symbol, "i": "5m", "w": render(average), "T": last_time,
    })  # fmt: skip


def kline(symbol: str, interval: str, candle: Candle, now: int, closed: bool) -> bytes:
    """Give a kline event."""
    return encode({
        "e": "kline", "E": now, "s": symbol,
        "k": {
            "t": candle.time, "T": closing(interval, candle.time), "s": symbol, "i": interval,
            "f": candle.first_id, "L": candle.last_id, "o": render(candle.open),
            "c": render(candle.close), "h": render(candle.high), "l": render(candle.low),
            "v": render(candle.volume), "n": candle.count, "x": closed,
            "q": render_product(candle.quote), "V": render(candle.taker_volume),
            "Q": render_product(candle.taker_quote), "B": "0",
        },
    })  # fmt: skip


def levels(side: Levels) -> list[tuple[str, str]]:
    """Give price levels as pairs of texts."""
    return [(render(price), render(quantity)) for price, quantity in side]


def depth_update(symbol: str, change: tuple[int, int, Levels, Levels], now: int) -> bytes:
    """Give a depthUpdate event from first id, last id, bids, asks."""
    first, last, bids, asks = change
    return encode({
        "e": "depthUpdate", "E": now, "s": symbol, "U": first, "u": last,
        "b": levels(bids), "a": levels(asks),
    })  # fmt: skip


def depth_snapshot(listing: Listing, limit: int) -> bytes:
    """Give the best levels of both sides, as REST and the partial depth streams do."""
    bids, asks = listing.book.levels(limit)
    return encode({
        "lastUpdateId": listing.book.update_id, "bids": levels(bids), "asks": levels(asks),
    })  # fmt: skip
