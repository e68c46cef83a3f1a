"""The change of a price in its day, as an amount."""

from decimal import Decimal

from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote


def day_change(quote: Quote, instrument: Instrument | None) -> Decimal | None:
    """The change since 24 hours ago for crypto, since the previous close for others.

    Rounded to the instrument's decimals; None where the source does not report the earlier price.
    """
    change = quote.change
    return None if change is None or instrument is None else round(change, instrument.decimals)
