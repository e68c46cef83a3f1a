"""Portfolios and their holdings."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from omcrm.extensions import db
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.types import ExactDecimal, UtcDateTime
from omcrm.storage.user import User

NAME_LENGTH = 60
# Ids are 32 bits wide in PostgreSQL, which fails for larger ones.
_LARGEST_ID = 2**31 - 1


class PortfolioRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One portfolio of a user; every change of it or of its holdings increases `version`."""

    __tablename__ = "portfolios"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    holdings: Mapped[list["HoldingRow"]] = relationship(
        cascade="all, delete-orphan", order_by="HoldingRow.id"
    )


class HoldingRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """How much of an instrument a portfolio holds; an instrument that is held cannot be deleted.

    `average_cost` is per unit, in the currency that the instrument is quoted in.
    """

    __tablename__ = "holdings"
    __table_args__ = (UniqueConstraint("portfolio_id", "instrument_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    portfolio_id: Mapped[int] = mapped_column(ForeignKey("portfolios.id", ondelete="CASCADE"))
    instrument_id: Mapped[int] = mapped_column(
        ForeignKey("instruments.id", ondelete="RESTRICT"), index=True
    )
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal)
    average_cost: Mapped[Decimal] = mapped_column(ExactDecimal)
    instrument: Mapped[InstrumentRow] = relationship(lazy="joined", innerjoin=True)


# These functions only read; a caller that changes a row commits.


def portfolios_of(user_id: int) -> list[PortfolioRow]:
    """The portfolios of a user, by name."""
    query = select(PortfolioRow).where(PortfolioRow.user_id == user_id)
    rows = db.session.scalars(query.options(selectinload(PortfolioRow.holdings)))
    return sorted(rows, key=lambda row: row.name.casefold())


def find_portfolio(user_id: int, portfolio_id: int, *, lock: bool = False) -> PortfolioRow | None:
    """This portfolio of this user; None for a missing one and for another user's.

    With `lock` nobody else can change it before this transaction ends, on databases with row locks.
    """
    if not 0 < portfolio_id <= _LARGEST_ID:
        return None
    query = select(PortfolioRow).where(
        PortfolioRow.id == portfolio_id, PortfolioRow.user_id == user_id
    )
    row: PortfolioRow | None = db.session.scalar(query.with_for_update() if lock else query)
    return row


def lock_portfolios(user_id: int) -> None:
    """Lock the user's portfolios: nobody else can add one before this transaction ends."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update())


def count_portfolios(user_id: int) -> int:
    """How many portfolios a user has."""
    query = select(func.count()).select_from(PortfolioRow).where(PortfolioRow.user_id == user_id)
    return int(db.session.scalar(query) or 0)


def count_holdings(portfolio_id: int) -> int:
    """How many holdings a portfolio has."""
    query = select(func.count()).where(HoldingRow.portfolio_id == portfolio_id)
    return int(db.session.scalar(query) or 0)


def versions_of(portfolio_ids: Collection[int]) -> dict[int, int]:
    """The versions of those of these portfolios that still exist."""
    query = select(PortfolioRow.id, PortfolioRow.version).where(PortfolioRow.id.in_(portfolio_ids))
    return {row.id: row.version for row in db.session.execute(query)}


def held_symbols() -> frozenset[str]:
    """Every symbol that any portfolio holds."""
    return frozenset(db.session.scalars(select(InstrumentRow.symbol).join(HoldingRow).distinct()))
