"""What the realtime dialect tells of an asset: its figures of the day, and its current price."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.portfolio.amount import minus, percent
from omcrm.portfolio.day_change import before
from omcrm.streaming.price_update import iso


def asset_figures(
    symbol: str, quote: Quote | None, instrument: Instrument | None
) -> dict[str, Any]:
    """The body of `asset_update`: None for what is not known.

    `change` and `change_percent` are counted from `change_basis`: the price of 24 hours ago, or the
    previous close.
    """
    said = quote.said if quote else None
    trade, day = (said.trade, said.day) if said else (None, None)
    return {
        "symbol": symbol,
        "price": trade.price if trade else None,
        **_day_change(quote, instrument),
        "volume": day.volume if day else None,
        "high": day.high if day else None,
        "low": day.low if day else None,
        "timestamp": iso(said.received_at) if said else None,
        "price_class": quote.price_class.value if quote else None,
        "source": quote.source.name if quote else None,
        "provider_time": iso(trade.time) if trade else None,
        "seq": quote.seq if quote else None,
    }


def _day_change(quote: Quote | None, instrument: Instrument | None) -> dict[str, Any]:
    began = before(quote, instrument.asset_class) if quote and instrument else None
    if quote is None or instrument is None or began is None or quote.said.trade is None:
        return {"change": None, "change_percent": None, "change_basis": None}
    moved = minus(quote.said.trade.price, began.price)
    return {
        "change": round(moved, instrument.decimals),
        "change_percent": percent(moved, began.price),
        "change_basis": began.basis.value,
    }


def asset_price(symbol: str, quote: Quote | None, now: datetime, timeout: int) -> dict[str, Any]:
    """The body of `asset_price`: `price` is the current one, `last_price` the last one told.

    Nothing is current that is older than `timeout` seconds, unless its market is closed since, and
    a fixed price never is.
    """
    trade = quote.said.trade if quote else None
    if quote is None or trade is None:
        nothing = ("price", "timestamp", "last_price", "age_seconds", "price_class", "source")
        return {"symbol": symbol, **dict.fromkeys(nothing)}
    age = max(quote.said.age(now), timedelta(0))
    return {
        "symbol": symbol,
        "price": _current(quote, trade.price, age <= timedelta(seconds=timeout)),
        "timestamp": iso(quote.said.received_at),
        "last_price": trade.price,
        "age_seconds": round(age.total_seconds(), 3),
        "price_class": quote.price_class.value,
        "source": quote.source.name,
    }


def _current(quote: Quote, price: Decimal, is_young: bool) -> Decimal | None:
    if quote.price_class is PriceClass.LAST_RESORT:
        return None
    return price if is_young or quote.price_class is PriceClass.CLOSED else None
