"""The desk's dialect: a quote, a candle and a time as JSON bodies."""

from datetime import UTC, datetime
from typing import Any

from omcrm.market.bar import Bar
from omcrm.market.quote import Quote


def iso(time: datetime | None) -> str | None:
    """`2026-01-05T14:30:00.123Z`."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def price_update(quote: Quote) -> dict[str, Any]:
    """The body of `price_update`: exact decimals, None for what the source did not report."""
    return {
        "symbol": quote.symbol,
        "price": quote.last,
        "change_24h": quote.change_percent,
        "timestamp": iso(quote.received_at),
        "bid": quote.bid,
        "ask": quote.ask,
        "open_24h": quote.open,
        "high_24h": quote.high,
        "low_24h": quote.low,
        "volume_24h": quote.volume,
        "source": quote.source.name,
        "price_class": quote.price_class.value,
        "provider_time": iso(quote.provider_time),
        "received_at": iso(quote.received_at),
        "seq": quote.seq,
    }


def is_alike(quote: Quote, other: Quote) -> bool:
    """Whether prices, class and source are the same; day figures, sizes and age may differ."""
    return (
        quote.price_class is other.price_class
        and quote.source == other.source
        and quote.last == other.last
        and quote.bid == other.bid
        and quote.ask == other.ask
    )


def candle(bar: Bar) -> dict[str, Any]:
    """One entry of `price_history`."""
    return {
        "timestamp": iso(bar.timestamp),
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
    }
