"""The rate of two currencies, from a table that knows both against a third."""

from collections.abc import Mapping
from decimal import Context, Decimal

from omcrm.market.parsing import exact

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
