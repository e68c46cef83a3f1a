"""Currencies: of a pair, their rates to the dollar by the quotes, and rates from a table."""

import re
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

from msgspec import Struct

from omcrm.market.amount import divided, rounded, times
from omcrm.market.parsing import exact
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


def pair_currency(names: Iterable[str]) -> str | None:
    """The currency that a pair of these names is quoted in; None where no name shows it."""
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


# Tables are published with four to six digits that count. Eight lose none of them and do not make
# a quotient look more exact than what it was made of.
_DIGITS = 8
_CODE = 3


def currencies(pair: str) -> tuple[str, str]:
    """The base and the quote currency of a pair like EURUSD."""
    return pair[:_CODE], pair[_CODE:]


def cross_rate(table: Mapping[str, str | int | Decimal | None], pair: str) -> Decimal | None:
    """What one unit of the pair's base costs in its quote, with eight digits that count.

    `table` says how much of each currency one and the same amount of money is. None where it has
    not both; ValueError or ArithmeticError where one of its two rates is no positive number.
    """
    base, quote = (table.get(code) for code in currencies(pair))
    if base is None or quote is None:
        return None
    rate = Context(prec=_DIGITS).divide(_positive(quote), _positive(base))
    # Quotients may be spelled 3E+3, which not everything that shows prices can read.
    return Decimal(f"{rate:f}")


def _positive(rate: str | int | Decimal) -> Decimal:
    number = exact(rate)
    if number <= 0:
        raise ValueError("a rate that is not positive")
    return number
