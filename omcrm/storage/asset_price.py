"""The latest stored price of each instrument, for when the feeds do not run."""

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
    """A price when it was stored; `provider_time` is None where the source sends none."""

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
    """The stored price of each symbol."""
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
    """Store these prices; one that was received before the stored one changes nothing.

    The caller commits. A symbol without an instrument is skipped.
    """
    by_symbol = {price.symbol: price for price in prices}
    query = select(InstrumentRow.id, InstrumentRow.symbol).where(
        InstrumentRow.symbol.in_(by_symbol)
    )
    rows = [_row(row.id, by_symbol[row.symbol], now) for row in db.session.execute(query)]
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
