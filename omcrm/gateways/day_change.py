"""How far a price has moved in its day, as an amount."""

from decimal import Decimal

from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote


def day_change(quote: Quote, instrument: Instrument | None) -> Decimal | None:
    """The change since 24 hours ago for crypto, since the previous close for others.

    With as many digits as prices of the instrument; None where the source tells no such price.
    """
    change = quote.change
    return None if change is None or instrument is None else round(change, instrument.decimals)
