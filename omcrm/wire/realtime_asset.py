"""What `/ws/realtime/` sends of an asset: its figures of the day, and its current price."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from msgspec import UNSET, Struct, structs

from omcrm.market.amount import percent
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import ChangeBasis, PriceBasis, Quote
from omcrm.wire.encoding import iso, iso_or_unset
from omcrm.wire.field import Number, RecordedAt, Time


class RealtimeAssetFigures(Struct, frozen=True, kw_only=True):
    """An asset's price and figures of the day; `change` is relative to `change_basis`; unknown
    figures are null."""

    symbol: str
    price: Number | None
    change: Number | None
    change_percent: Number | None
    change_basis: ChangeBasis | None
    volume: Number | None
    high: Number | None
    low: Number | None
    timestamp: Time | None
    price_class: PriceClass | None
    price_basis: PriceBasis | None
    source: str | None
    provider_time: Time | None
    seq: int | None
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, quote: Quote, instrument: Instrument | None) -> Self:
        """The figures of a quote of this instrument.

        A change is measured from the price of 24 hours ago, or from the previous close.
        """
        change, change_percent, change_basis = _day_change(quote, instrument)
        return cls(
            symbol=quote.symbol,
            price=quote.last,
            change=change,
            change_percent=change_percent,
            change_basis=change_basis,
            volume=quote.volume,
            high=quote.high,
            low=quote.low,
            timestamp=iso(quote.received_at),
            price_class=quote.price_class,
            price_basis=quote.price_basis,
            source=quote.source.name,
            provider_time=iso(quote.provider_time),
            seq=quote.seq,
            recorded_at=iso_or_unset(quote.recorded_at),
        )

    @classmethod
    def unknown(cls, symbol: str) -> Self:
        """The figures of a symbol without a quote."""
        figures: dict[str, Any] = dict.fromkeys(cls.__struct_fields__[1:-1])
        return cls(symbol=symbol, **figures)

    def without_times(self) -> Self:
        """The same without the fields that change although nothing else does."""
        return structs.replace(self, timestamp=None, provider_time=None, seq=None)


class RealtimeAssetPriceNow(Struct, frozen=True, kw_only=True):
    """The current price; null where the newest is too old, which `last_price` then has."""

    symbol: str
    price: Number | None
    timestamp: Time | None
    last_price: Number | None
    age_seconds: float | None
    price_class: PriceClass | None
    price_basis: PriceBasis | None
    source: str | None
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, quote: Quote, now: datetime, timeout: int) -> Self:
        """The current price by a quote.

        A price older than `timeout` seconds is not current unless its market has closed since; a
        fixed price never is.
        """
        age = max(quote.age(now), timedelta(0))
        return cls(
            symbol=quote.symbol,
            price=_current(quote, age <= timedelta(seconds=timeout)),
            timestamp=iso(quote.received_at),
            last_price=quote.last,
            age_seconds=round(age.total_seconds(), 3),
            price_class=quote.price_class,
            price_basis=quote.price_basis,
            source=quote.source.name,
            recorded_at=iso_or_unset(quote.recorded_at),
        )

    @classmethod
    def unknown(cls, symbol: str) -> Self:
        """The answer for a symbol without a quote."""
        figures: dict[str, Any] = dict.fromkeys(cls.__struct_fields__[1:-1])
        return cls(symbol=symbol, **figures)


def _day_change(
    quote: Quote, instrument: Instrument | None
) -> tuple[Decimal | None, Decimal | None, ChangeBasis | None]:
    change, change_from = quote.change, quote.change_from
    if instrument is None or change is None or change_from is None:
        return None, None, None
    rounded = round(change, instrument.decimals)
    return rounded, percent(change, change_from), quote.change_basis


def _current(quote: Quote, is_young: bool) -> Decimal | None:
    if quote.price_class is PriceClass.LAST_RESORT:
        return None
    return quote.last if is_young or quote.price_class is PriceClass.CLOSED else None
