"""What the realtime dialect sends of an asset: its figures of the day and its current price."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from omcrm.market.amount import minus, percent
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.wire.encoding import iso


def asset_figures(
    symbol: str, quote: Quote | None, instrument: Instrument | None
) -> dict[str, Any]:
    """The body of `asset_update`; unknown values are None.

    `change` and `change_percent` are measured from `change_basis`: the price of 24 hours ago, or
    the previous close.
    """
    return {
        "symbol": symbol,
        "price": quote.last if quote else None,
        **_day_change(quote, instrument),
        "volume": quote.volume if quote else None,
        "high": quote.high if quote else None,
        "low": quote.low if quote else None,
        "timestamp": iso(quote.received_at) if quote else None,
        "price_class": quote.price_class.value if quote else None,
        "source": quote.source.name if quote else None,
        "provider_time": iso(quote.provider_time) if quote else None,
        "seq": quote.seq if quote else None,
    }


def _day_change(quote: Quote | None, instrument: Instrument | None) -> dict[str, Any]:
    if quote is None or instrument is None or quote.change_from is None:
        return {"change": None, "change_percent": None, "change_basis": None}
    change = minus(quote.last, quote.change_from)
    return {
        "change": round(change, instrument.decimals),
        "change_percent": percent(change, quote.change_from),
        "change_basis": quote.change_basis,
    }


def asset_price(symbol: str, quote: Quote | None, now: datetime, timeout: int) -> dict[str, Any]:
    """The body of `asset_price`: `price` is the current one, `last_price` the last one received.

    A price older than `timeout` seconds is not current unless its market has closed since; a fixed
    price never is.
    """
    if quote is None:
        nothing = ("price", "timestamp", "last_price", "age_seconds", "price_class", "source")
        return {"symbol": symbol, **dict.fromkeys(nothing)}
    age = max(quote.age(now), timedelta(0))
    return {
        "symbol": symbol,
        "price": _current(quote, age <= timedelta(seconds=timeout)),
        "timestamp": iso(quote.received_at),
        "last_price": quote.last,
        "age_seconds": round(age.total_seconds(), 3),
        "price_class": quote.price_class.value,
        "source": quote.source.name,
    }


def _current(quote: Quote, is_young: bool) -> Decimal | None:
    if quote.price_class is PriceClass.LAST_RESORT:
        return None
    return quote.last if is_young or quote.price_class is PriceClass.CLOSED else None
