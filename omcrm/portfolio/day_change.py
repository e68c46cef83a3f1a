"""The price that a day's change is counted from, where a source tells it."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from omcrm.market.instrument import AssetClass
from omcrm.market.quote import Quote, SourceQuote
from omcrm.market.source import SIMULATED
from omcrm.portfolio.amount import divided, times, total

_HUNDRED = Decimal(100)


class ChangeBasis(StrEnum):
    """What the price of now is compared with."""

    DAY_AGO = "24h"
    PREVIOUS_CLOSE = "previous_close"


class PreviousPrice(Struct, frozen=True):
    """The price that counts as the one before, and which one that is."""

    price: Decimal
    basis: ChangeBasis


def before(quote: Quote, asset_class: AssetClass) -> PreviousPrice | None:
    """The price of 24 hours ago for crypto, the previous close for others; None if untold.

    The built-in exchange knows no sessions: its prices of every kind are compared over 24 hours.
    """
    said = quote.said
    if said.day is None or said.trade is None:
        return None
    if asset_class is not AssetClass.CRYPTO and said.source.name != SIMULATED.name:
        # The open of a session is no close: only the change itself tells that.
        return _behind_the_change(said, ChangeBasis.PREVIOUS_CLOSE)
    if said.day.open is not None and said.day.open > 0:
        return PreviousPrice(said.day.open, ChangeBasis.DAY_AGO)
    return _behind_the_change(said, ChangeBasis.DAY_AGO)


def _behind_the_change(said: SourceQuote, basis: ChangeBasis) -> PreviousPrice | None:
    assert said.day is not None
    assert said.trade is not None
    change = said.day.change_percent
    if change is None or change <= -_HUNDRED:
        return None
    # The change belongs to the price that came with it; a later trade has moved on.
    told_with = said.day_from.trade if said.day_from else None
    price = (told_with or said.trade).price
    return PreviousPrice(divided(times(price, _HUNDRED), total((_HUNDRED, change))), basis)
