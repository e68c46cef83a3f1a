"""The messages of the desk's pages."""

from typing import Annotated, Self

from msgspec import Meta, Struct

from omcrm.market.bar import Bar
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.wire.encoding import iso
from omcrm.wire.field import Number, Time


class DeskPriceUpdate(Struct, frozen=True, kw_only=True):
    """The newest quote of one symbol; fields that its source does not send are null."""

    symbol: str
    price: Number | None
    change_24h: Annotated[Number | None, Meta(description="In percent.")]
    timestamp: Time
    bid: Number | None
    ask: Number | None
    open_24h: Number | None
    high_24h: Number | None
    low_24h: Number | None
    volume_24h: Number | None
    source: str
    price_class: PriceClass
    provider_time: Time | None
    received_at: Time
    seq: Annotated[int, Meta(description="Rises with each change of any symbol.")]

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """The message of a quote."""
        received_at = iso(quote.received_at)
        return cls(
            symbol=quote.symbol,
            price=quote.last,
            change_24h=quote.change_percent,
            timestamp=received_at,
            bid=quote.bid,
            ask=quote.ask,
            open_24h=quote.open,
            high_24h=quote.high,
            low_24h=quote.low,
            volume_24h=quote.volume,
            source=quote.source.name,
            price_class=quote.price_class,
            provider_time=iso(quote.provider_time),
            received_at=received_at,
            seq=quote.seq,
        )


class DeskCandle(Struct, frozen=True, kw_only=True):
    """The trades of one interval, which begins at `timestamp`."""

    timestamp: Time
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None

    @classmethod
    def of(cls, bar: Bar) -> Self:
        """The message of a bar."""
        return cls(
            timestamp=iso(bar.timestamp),
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
        )
