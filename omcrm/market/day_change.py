"""The price that a day's change is counted from."""

from decimal import Decimal

from omcrm.market.amount import divided, times, total
from omcrm.market.instrument import AssetClass
from omcrm.market.quote import ChangeBasis
from omcrm.market.source import SIMULATED, Source
from omcrm.market.tick import DayFigures

_HUNDRED = Decimal(100)


def change_from(
    day: DayFigures, price: Decimal, source: Source, asset_class: AssetClass
) -> tuple[Decimal, ChangeBasis] | None:
    """The price of 24 hours ago for crypto, the previous close for others; None if unknown.

    `price` is the one that came with the figures. The simulator has no sessions: its prices of
    every asset class are compared over 24 hours.
    """
    if asset_class is not AssetClass.CRYPTO and source.name != SIMULATED.name:
        # The open of a session is no close: only the change itself leads back to it.
        return _before_the_change(day, price, ChangeBasis.PREVIOUS_CLOSE)
    if day.open is not None and day.open > 0:
        return day.open, ChangeBasis.DAY_AGO
    return _before_the_change(day, price, ChangeBasis.DAY_AGO)


def _before_the_change(
    day: DayFigures, price: Decimal, basis: ChangeBasis
) -> tuple[Decimal, ChangeBasis] | None:
    change = day.change_percent
    if change is None or change <= -_HUNDRED:
        return None
    return divided(times(price, _HUNDRED), total((_HUNDRED, change))), basis
