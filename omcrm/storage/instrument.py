"""The instruments of this installation."""

from decimal import Decimal

from msgspec import structs
from sqlalchemy import JSON, String, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.session import Calendar
from omcrm.storage.types import ExactDecimal


class InstrumentRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One instrument; `instrument()` is the value that other modules use."""

    __tablename__ = "instruments"

    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    asset_class: Mapped[str] = mapped_column(String(12))
    decimals: Mapped[int]
    currency: Mapped[str | None] = mapped_column(String(8))
    price_step: Mapped[Decimal] = mapped_column(ExactDecimal)
    quantity_step: Mapped[Decimal] = mapped_column(ExactDecimal)
    minimum_quantity: Mapped[Decimal] = mapped_column(ExactDecimal)
    maximum_quantity: Mapped[Decimal] = mapped_column(ExactDecimal)
    storage_scale: Mapped[int]
    calendar: Mapped[str] = mapped_column(String(12))
    last_resort_price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    provider_symbols: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    active: Mapped[bool] = mapped_column(default=True)

    @classmethod
    def of(cls, instrument: Instrument) -> "InstrumentRow":
        """The row of a new instrument, which gets its id from the database."""
        facts = structs.asdict(instrument)
        del facts["id"]
        facts["asset_class"] = instrument.asset_class.value
        facts["calendar"] = instrument.calendar.value
        facts["provider_symbols"] = dict(instrument.provider_symbols)
        return cls(**facts)

    def instrument(self) -> Instrument:
        """The row as a value."""
        return Instrument(
            id=self.id,
            symbol=self.symbol,
            name=self.name,
            asset_class=AssetClass(self.asset_class),
            decimals=self.decimals,
            currency=self.currency,
            price_step=self.price_step,
            quantity_step=self.quantity_step,
            minimum_quantity=self.minimum_quantity,
            maximum_quantity=self.maximum_quantity,
            storage_scale=self.storage_scale,
            calendar=Calendar(self.calendar),
            last_resort_price=self.last_resort_price,
            provider_symbols=dict(self.provider_symbols),
        )


def active_instruments() -> list[Instrument]:
    """The active instruments, in the order they were added."""
    rows = db.session.scalars(
        select(InstrumentRow).where(InstrumentRow.active).order_by(InstrumentRow.id)
    )
    return [row.instrument() for row in rows]


def all_instruments() -> list[InstrumentRow]:
    """Every instrument, also inactive ones."""
    return list(db.session.scalars(select(InstrumentRow).order_by(InstrumentRow.id)))


def find_instrument(symbol: str) -> InstrumentRow | None:
    """The instrument of this symbol."""
    row: InstrumentRow | None = db.session.scalar(
        select(InstrumentRow).where(InstrumentRow.symbol == symbol)
    )
    return row
