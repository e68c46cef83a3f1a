"""The JSON of Binance's REST answers."""

from typing import Any

from simulator.event import change
from simulator.fixed import render, render_product
from simulator.interval import closing
from simulator.listing import DaySummary, Listing
from simulator.simulated_bar import SimulatedBar
from simulator.simulated_trade import SimulatedTrade, Top

NOTHING = Top(0, 0, 0, 0, 0)


def day(listing: Listing, now: int, mini: bool) -> dict[str, Any]:
    """Return one element of ticker/24hr; zeros before the first trade, as Binance does."""
    figures = listing.day(now) or _empty_day(now)
    return _mini_day(listing, figures) if mini else _full_day(listing, figures)


def _mini_day(listing: Listing, figures: DaySummary) -> dict[str, Any]:
    bar = figures.bar
    return {
        "symbol": listing.symbol,
        "openPrice": render(bar.open),
        "highPrice": render(bar.high),
        "lowPrice": render(bar.low),
        "lastPrice": render(figures.last.price),
        "volume": render(bar.volume),
        "quoteVolume": render_product(bar.quote),
        "openTime": figures.open_time,
        "closeTime": figures.close_time,
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.count,
    }


def _full_day(listing: Listing, figures: DaySummary) -> dict[str, Any]:
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


def _empty_day(now: int) -> DaySummary:
    nothing = SimulatedBar(now, 0, 0, 0, 0)
    return DaySummary(nothing, 0, SimulatedTrade(-1, 0, 0, now, False), now, now)


def kline(interval: str, bar: SimulatedBar) -> list[int | str]:
    """Return one row of klines."""
    return [
        bar.time,
        render(bar.open),
        render(bar.high),
        render(bar.low),
        render(bar.close),
        render(bar.volume),
        closing(interval, bar.time),
        render_product(bar.quote),
        bar.count,
        render(bar.taker_volume),
        render_product(bar.taker_quote),
        "0",
    ]
