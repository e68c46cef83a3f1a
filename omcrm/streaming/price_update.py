"""The desk's dialect: a quote, a candle and a time as they are written on its wire."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from omcrm.market.bar import Bar
from omcrm.market.quote import Quote, SourceQuote


def iso(time: datetime | None) -> str | None:
    """`2026-01-05T14:30:00.123Z`."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def price_update(quote: Quote) -> dict[str, Any]:
    """The body of `price_update`: exact decimals, None for what the source did not say."""
    said = quote.said
    trade, book, day = said.trade, said.book, said.day
    return {
        "symbol": quote.symbol,
        "price": trade.price if trade else None,
        "change_24h": day.change_percent if day else None,
        "timestamp": iso(said.received_at),
        "bid": book.bid if book else None,
        "ask": book.ask if book else None,
        "open_24h": day.open if day else None,
        "high_24h": day.high if day else None,
        "low_24h": day.low if day else None,
        "volume_24h": day.volume if day else None,
        "source": quote.source.name,
        "price_class": quote.price_class.value,
        "provider_time": iso(trade.time) if trade else None,
        "received_at": iso(said.received_at),
        "seq": quote.seq,
    }


def is_alike(quote: Quote, other: Quote) -> bool:
    """Whether no price, class or source differs: the day's figures, a size or the age may wait."""
    said, before = quote.said, other.said
    if quote.price_class is not other.price_class or said.source != before.source:
        return False
    return _prices(said) == _prices(before)


def _prices(said: SourceQuote) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    trade, book = said.trade, said.book
    return (
        trade.price if trade else None,
        book.bid if book else None,
        book.ask if book else None,
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
