"""What an instrument's own currency is worth in dollars, as far as the quotes tell."""

import re
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from omcrm.market.cross_rate import currencies
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.quote import Quote
from omcrm.portfolio.amount import divided, times

DOLLAR = "USD"

_PAIR = re.compile("[A-Z]{6}")


class Rate(Struct, frozen=True):
    """The price of a pair with the dollar; where it `is_inverse` the pair tells a dollar's price.

    Without a quote it is the dollar itself.
    """

    quote: Quote | None = None
    is_inverse: bool = False

    def dollars(self, amount: Decimal, price: Decimal | None = None) -> Decimal:
        """An amount of the currency in dollars, at the rate's price or at another one of it."""
        if self.quote is None:
            return amount
        if price is None:
            assert self.quote.said.trade is not None, "a rate has a price"
            price = self.quote.said.trade.price
        return divided(amount, price) if self.is_inverse else times(amount, price)


def currency_of(instrument: Instrument) -> str | None:
    """The currency that an instrument is quoted in; None where its name does not tell.

    Crypto is quoted in dollars, or in a coin that stands for the dollar.
    """
    if instrument.asset_class is not AssetClass.FOREX:
        return DOLLAR
    names = (instrument.symbol, *instrument.provider_symbols.values())
    pair = next((name for name in names if _PAIR.fullmatch(name)), None)
    return None if pair is None else currencies(pair)[1]


def rate_of(currency: str, quotes: Mapping[str, Quote]) -> Rate | None:
    """The rate of a currency to the dollar; None where no quote tells it."""
    if currency == DOLLAR:
        return Rate()
    direct, inverse = quotes.get(f"{currency}{DOLLAR}"), quotes.get(f"{DOLLAR}{currency}")
    if direct is not None and direct.said.trade is not None:
        return Rate(direct)
    if inverse is not None and inverse.said.trade is not None:
        return Rate(inverse, is_inverse=True)
    return None
