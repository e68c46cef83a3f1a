"""The WebSocket payloads of Binance's market streams."""

from typing import Any

import msgspec

from simulator.fixed import render, render_product
from simulator.interval import closing
from simulator.listing import DaySummary, Listing
from simulator.simulated_bar import SimulatedBar
from simulator.simulated_book import Levels
from simulator.simulated_trade import SimulatedTrade, Top

HUNDRED_PERCENT = 100
encode = msgspec.json.encode


def trade(symbol: str, event: SimulatedTrade, now: int) -> bytes:
    """Return a `trade` event; a condition, which Binance does not have, is added to it."""
    condition = {"c": event.condition, "w": render(event.wrong_price)} if event.condition else {}
    return encode({
        "e": "trade", "E": now, "s": symbol, "t": event.id, "p": render(event.price),
        "q": render(event.quantity), "T": event.time, "m": event.buyer_is_maker, "M": True,
        **condition,
    })  # fmt: skip


def aggregate_trade(symbol: str, event: SimulatedTrade, now: int) -> bytes:
    """Return an `aggTrade` event of this one trade."""
    return encode({
        "e": "aggTrade", "E": now, "s": symbol, "a": event.id, "p": render(event.price),
        "q": render(event.quantity), "f": event.id, "l": event.id, "T": event.time,
        "m": event.buyer_is_maker, "M": True,
    })  # fmt: skip


def book_ticker(symbol: str, top: Top) -> bytes:
    """Return a bookTicker payload, which has no type and no time."""
    return encode({
        "u": top.update_id, "s": symbol, "b": render(top.bid), "B": render(top.bid_quantity),
        "a": render(top.ask), "A": render(top.ask_quantity),
    })  # fmt: skip


def change(day: DaySummary) -> tuple[str, str, str]:
    """Return a day's price change, the change in percent (3 decimals), the weighted average."""
    bar = day.bar
    difference = bar.close - bar.open
    percent = round(difference * HUNDRED_PERCENT * 1000 / bar.open) if bar.open else 0
    average = bar.quote // bar.volume if bar.volume else bar.close
    sign = "-" if percent < 0 else ""
    thousandths = f"{sign}{abs(percent) // 1000}.{abs(percent) % 1000:03d}"
    return render(difference), thousandths, render(average)


def ticker(listing: Listing, day: DaySummary, now: int) -> bytes:
    """Return a 24hrTicker event."""
    bar, top = day.bar, listing.top or Top(0, 0, 0, 0, 0)
    difference, percent, average = change(day)
    return encode({
        "e": "24hrTicker", "E": now, "s": listing.symbol, "p": difference, "P": percent,
        "w": average, "x": render(day.price_before), "c": render(day.last.price),
        "Q": render(day.last.quantity), "b": render(top.bid), "B": render(top.bid_quantity),
        "a": render(top.ask), "A": render(top.ask_quantity), "o": render(bar.open),
        "h": render(bar.high), "l": render(bar.low), "v": render(bar.volume),
        "q": render_product(bar.quote), "O": day.open_time, "C": day.close_time,
        "F": bar.first_id, "L": bar.last_id, "n": bar.count,
    })  # fmt: skip


def mini_ticker(symbol: str, day: DaySummary, now: int) -> dict[str, Any]:
    """Return a 24hrMiniTicker event, not encoded: it is also an element of an array."""
    bar = day.bar
    return {
        "e": "24hrMiniTicker", "E": now, "s": symbol, "c": render(bar.close),
        "o": render(bar.open), "h": render(bar.high), "l": render(bar.low),
        "v": render(bar.volume), "q": render_product(bar.quote),
    }  # fmt: skip


def kline(symbol: str, interval: str, bar: SimulatedBar, now: int, closed: bool) -> bytes:
    """Return a kline event."""
    return encode({
        "e": "kline", "E": now, "s": symbol,
        "k": {
            "t": bar.time, "T": closing(interval, bar.time), "s": symbol, "i": interval,
            "f": bar.first_id, "L": bar.last_id, "o": render(bar.open),
            "c": render(bar.close), "h": render(bar.high), "l": render(bar.low),
            "v": render(bar.volume), "n": bar.count, "x": closed,
            "q": render_product(bar.quote), "V": render(bar.taker_volume),
            "Q": render_product(bar.taker_quote), "B": "0",
        },
    })  # fmt: skip


def levels(side: Levels) -> list[tuple[str, str]]:
    """Return price levels as pairs of strings."""
    return [(render(price), render(quantity)) for price, quantity in side]


def depth_update(symbol: str, change: tuple[int, int, Levels, Levels], now: int) -> bytes:
    """Return a depthUpdate event from first id, last id, bids, asks."""
    first, last, bids, asks = change
    return encode({
        "e": "depthUpdate", "E": now, "s": symbol, "U": first, "u": last,
        "b": levels(bids), "a": levels(asks),
    })  # fmt: skip


def depth_snapshot(listing: Listing, limit: int) -> bytes:
    """Return the best levels of both sides, as REST and the partial depth streams do."""
    bids, asks = listing.book.levels(limit)
    return encode({
        "lastUpdateId": listing.book.update_id, "bids": levels(bids), "asks": levels(asks),
    })  # fmt: skip
