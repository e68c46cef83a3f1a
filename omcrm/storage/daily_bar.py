"""The finished days of each instrument, as each source tells them: added, never changed."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.storage.insert import insert_into
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.types import ExactDecimal, UtcDateTime

# In one statement: databases count the values that it brings.
_ROWS = 100


class DailyBarRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One day at one source; `candle()` gives the value the rest of the code works with."""

    __tablename__ = "daily_candles"
    __table_args__ = (UniqueConstraint("instrument_id", "day", "source"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id"))
    day: Mapped[date]
    source: Mapped[str] = mapped_column(String(40))
    price_class: Mapped[str] = mapped_column(String(16))
    open: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    high: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    low: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    close: Mapped[Decimal] = mapped_column(ExactDecimal)
    volume: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def candle(self, symbol: str) -> DailyBar:
        """The row as a value."""
        return DailyBar(
            symbol=symbol,
            day=self.day,
            source=self.source,
            price_class=PriceClass(self.price_class),
            close=self.close,
            open=self.open,
            high=self.high,
            low=self.low,
            volume=self.volume,
        )


def daily_candles(
    symbols: Collection[str], first: date, last: date
) -> dict[str, dict[date, DailyBar]]:
    """The days from `first` to `last` that are known of each symbol, oldest first.

    Of several sources the one that the policy prefers is given; the class says what it is.
    """
    rows = db.session.execute(
        select(InstrumentRow.symbol, InstrumentRow.asset_class, DailyBarRow)
        .join(DailyBarRow, DailyBarRow.instrument_id == InstrumentRow.id)
        .where(InstrumentRow.symbol.in_(symbols), DailyBarRow.day.between(first, last))
        .order_by(DailyBarRow.day)
    )
    found: dict[str, dict[date, DailyBar]] = {symbol: {} for symbol in symbols}
    for symbol, asset_class, row in rows:
        days, order = found[symbol], POLICIES[AssetClass(asset_class)].sources
        held = days.get(row.day)
        if held is None or _place(order, row.source) < _place(order, held.source):
            days[row.day] = row.candle(symbol)
    return found


def add_candles(candles: Iterable[DailyBar], now: datetime) -> int:
    """Add these, each once; how many were new. Committed by the caller.

    A day that its source has told before is left as it is.
    """
    given = list(candles)
    symbols = {candle.symbol for candle in given}
    found = select(InstrumentRow.symbol, InstrumentRow.id).where(InstrumentRow.symbol.in_(symbols))
    ids = {row.symbol: row.id for row in db.session.execute(found)}
    rows = [_row(ids[candle.symbol], candle, now) for candle in given if candle.symbol in ids]
    added = 0
    for start in range(0, len(rows), _ROWS):
        insert = insert_into(DailyBarRow).values(rows[start : start + _ROWS])
        added += db.session.execute(insert.on_conflict_do_nothing()).rowcount
    return added


def _row(instrument_id: int, candle: DailyBar, now: datetime) -> dict[str, object]:
    return {
        "instrument_id": instrument_id,
        "day": candle.day,
        "source": candle.source,
        "price_class": candle.price_class.value,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "fetched_at": now,
    }


def _place(order: tuple[str, ...], source: str) -> int:
    return order.index(source) if source in order else len(order)
