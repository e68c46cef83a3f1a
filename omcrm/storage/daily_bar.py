"""The finished daily bars of each instrument, as each source sent them: added, never changed."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import CursorResult, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.storage.insert import insert_into
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.types import ExactDecimal, UtcDateTime

# In one statement: databases limit the number of its values.
_ROWS = 100


class DailyBarRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """The bar of one day from one source; `candle()` is the value that other modules use."""

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
    """The known daily bars of each symbol from `first` to `last`, oldest first.

    Of several sources the one that the policy prefers, with its price class.
    """
    rows = db.session.execute(
        select(InstrumentRow.symbol, InstrumentRow.asset_class, DailyBarRow)
        .join(DailyBarRow, DailyBarRow.instrument_id == InstrumentRow.id)
        .where(InstrumentRow.symbol.in_(symbols), DailyBarRow.day.between(first, last))
        .order_by(DailyBarRow.day)
    )
    by_symbol: dict[str, dict[date, DailyBar]] = {symbol: {} for symbol in symbols}
    for symbol, asset_class, row in rows:
        days, order = by_symbol[symbol], POLICIES[AssetClass(asset_class)].sources
        held = days.get(row.day)
        if held is None or _rank(order, row.source) < _rank(order, held.source):
            days[row.day] = row.candle(symbol)
    return by_symbol


def add_candles(candles: Iterable[DailyBar], now: datetime) -> int:
    """Add these bars; how many were new. The caller commits.

    A day that is stored already from the same source is not changed.
    """
    bars = list(candles)
    symbols = {bar.symbol for bar in bars}
    query = select(InstrumentRow.symbol, InstrumentRow.id).where(InstrumentRow.symbol.in_(symbols))
    ids = {row.symbol: row.id for row in db.session.execute(query)}
    rows = [_row(ids[bar.symbol], bar, now) for bar in bars if bar.symbol in ids]
    added = 0
    for start in range(0, len(rows), _ROWS):
        insert = insert_into(DailyBarRow).values(rows[start : start + _ROWS])
        done = db.session.execute(insert.on_conflict_do_nothing())
        added += cast(CursorResult[Any], done).rowcount
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


def _rank(order: tuple[str, ...], source: str) -> int:
    return order.index(source) if source in order else len(order)
