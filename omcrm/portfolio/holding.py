"""Immutable values of portfolios and holdings, independent of the database."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from omcrm.market.instrument import Instrument


class Holding(Struct, frozen=True, kw_only=True):
    """The quantity of an instrument that is held.

    `average_cost` is per unit, in the currency that the instrument is quoted in. `is_followed` is
    whether this installation still requests its price.
    """

    instrument: Instrument
    quantity: Decimal
    average_cost: Decimal
    is_followed: bool = True

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol


class Portfolio(Struct, frozen=True, kw_only=True):
    """The holdings of one portfolio at `version`, which grows with every change."""

    id: int
    user_id: int
    name: str
    version: int
    created_at: datetime
    updated_at: datetime
    holdings: tuple[Holding, ...] = ()
