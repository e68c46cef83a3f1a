"""The currency of an instrument, and its rate to the dollar by the quotes."""

import re
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from omcrm.market.amount import divided, rounded, times
from omcrm.market.cross_rate import currencies
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.quote import Quote

DOLLAR = "USD"

_PAIR = re.compile("[A-Z]{6}")
# The currencies of ISO 4217 whose smallest unit is not a hundredth.
_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_USUAL_DECIMALS = 2


class Rate(Struct, frozen=True):
    """The price of a pair with the dollar; where it `is_inverse` it is the price of a dollar.

    Without a quote it is the dollar itself.
    """

    quote: Quote | None = None
    is_inverse: bool = False

    def dollars(self, amount: Decimal, price: Decimal | None = None) -> Decimal:
        """An amount of the currency in dollars, at the rate's current price or at `price`."""
        if self.quote is None:
            return amount
        if price is None:
            price = self.quote.last
        return divided(amount, price) if self.is_inverse else times(amount, price)


def money(amount: Decimal | None, currency: str) -> Decimal | None:
    """An amount for display and messages, in the decimals of its currency; None stays None.

    A half goes to the even digit, so that many roundings do not add up to an error. Do not compute
    with the result: sums and shares are made of exact amounts.
    """
    if amount is None:
        return None
    return rounded(amount, _DECIMALS.get(currency, _USUAL_DECIMALS))


def currency_of(instrument: Instrument) -> str | None:
    """The currency that an instrument is quoted in; None where its name does not show it.

    Crypto is quoted in dollars, or in a coin that stands for the dollar.
    """
    if instrument.asset_class is not AssetClass.FOREX:
        return DOLLAR
    names = (instrument.symbol, *instrument.provider_symbols.values())
    pair = next((name for name in names if _PAIR.fullmatch(name)), None)
    return None if pair is None else currencies(pair)[1]


def rate_of(currency: str, quotes: Mapping[str, Quote]) -> Rate | None:
    """The rate of a currency to the dollar; None where there is no quote of it."""
    if currency == DOLLAR:
        return Rate()
    direct, inverse = quotes.get(f"{currency}{DOLLAR}"), quotes.get(f"{DOLLAR}{currency}")
    if direct is not None:
        return Rate(direct)
    if inverse is not None:
        return Rate(inverse, is_inverse=True)
    return None
