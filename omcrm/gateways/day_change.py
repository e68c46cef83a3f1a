"""How far a price has moved in its day, as an amount."""

from decimal import Decimal

from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote
from omcrm.portfolio.day_change import before


def day_change(quote: Quote, instrument: Instrument | None) -> Decimal | None:
    """The change since 24 hours ago for crypto, since the previous close for others.

    With as many digits as prices of the instrument; None where the source tells no such price.
    """
    trade = quote.said.trade
    if trade is None or instrument is None:
        return None
    began = before(quote, instrument.asset_class)
    return None if began is None else round(trade.price - began.price, instrument.decimals)
