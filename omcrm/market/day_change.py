"""The change of a day, and the price that it is counted from."""

from decimal import Decimal

from omcrm.market.amount import divided, times, total
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.quote import ChangeBasis, Quote
from omcrm.market.source import SIMULATED, Source
from omcrm.market.tick import DayFigures

_HUNDRED = Decimal(100)


def change_from(
    day: DayFigures, price: Decimal, source: Source, asset_class: AssetClass
) -> tuple[Decimal, ChangeBasis] | None:
    """The previous close of a stock, the price of 24 hours ago for others; None if unknown.

    `price` is the one that came with the figures. The simulator has no sessions: its prices of
    every asset class are compared over 24 hours. So are currencies by who reports a change of
    theirs, because they have no close that everybody knows.
    """
    if asset_class is AssetClass.STOCK and source.name != SIMULATED.name:
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


def day_change(quote: Quote, instrument: Instrument | None) -> Decimal | None:
    """The change since the previous close of a stock, since 24 hours ago for others.

    Rounded to the instrument's decimals; None where the source does not report the earlier price.
    """
    change = quote.change
    return None if change is None or instrument is None else round(change, instrument.decimals)
