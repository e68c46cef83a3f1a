"""The latest price of each instrument that was written down: it outlives the feeds."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Self

from msgspec import Struct
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.storage.insert import insert_into
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.types import ExactDecimal, UtcDateTime


class StoredPrice(Struct, frozen=True, kw_only=True):
    """A price as it stood when it was written; `provider_time` is None where nobody told it."""

    symbol: str
    price: Decimal
    price_class: PriceClass
    source: str
    provider_time: datetime | None
    received_at: datetime

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """What is written of a quote."""
        return cls(
            symbol=quote.symbol,
            price=quote.last,
            price_class=quote.price_class,
            source=quote.source.name,
            provider_time=quote.provider_time,
            received_at=quote.received_at,
        )


class AssetPriceRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """The one row of an instrument; `latest_prices` gives values."""

    __tablename__ = "asset_prices"

    instrument_id: Mapped[int] = mapped_column(
        ForeignKey("instruments.id"), primary_key=True, autoincrement=False
    )
    price: Mapped[Decimal] = mapped_column(ExactDecimal)
    price_class: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(40))
    provider_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)


_FIELDS = ("price", "price_class", "source", "provider_time", "received_at", "written_at")


def latest_prices() -> dict[str, StoredPrice]:
    """What was written last of each symbol."""
    rows = db.session.execute(
        select(InstrumentRow.symbol, AssetPriceRow).join(
            AssetPriceRow, AssetPriceRow.instrument_id == InstrumentRow.id
        )
    )
    return {
        symbol: StoredPrice(
            symbol=symbol,
            price=row.price,
            price_class=PriceClass(row.price_class),
            source=row.source,
            provider_time=row.provider_time,
            received_at=row.received_at,
        )
        for symbol, row in rows
    }


def write_prices(prices: Iterable[StoredPrice], now: datetime) -> None:
    """Write these; one that was received before the one that is there changes nothing.

    Committed by the caller. A symbol without an instrument is passed over.
    """
    given = {price.symbol: price for price in prices}
    found = select(InstrumentRow.id, InstrumentRow.symbol).where(InstrumentRow.symbol.in_(given))
    rows = [_row(row.id, given[row.symbol], now) for row in db.session.execute(found)]
    if not rows:
        return
    insert = insert_into(AssetPriceRow).values(rows)
    newest = insert.on_conflict_do_update(
        index_elements=[AssetPriceRow.instrument_id],
        set_={field: insert.excluded[field] for field in _FIELDS},
        where=insert.excluded.received_at >= AssetPriceRow.received_at,
    )
    db.session.execute(newest)


def _row(instrument_id: int, price: StoredPrice, now: datetime) -> dict[str, object]:
    return {
        "instrument_id": instrument_id,
        "price": price.price,
        "price_class": price.price_class.value,
        "source": price.source,
        "provider_time": price.provider_time,
        "received_at": price.received_at,
        "written_at": now,
    }
