"""Exact arithmetic of money, with defined rounding where a quotient needs it."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

# A quantity has 33 digits at most, a price 41, and a rate as many: no product or ratio of them
# needs more.
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
# The last digit of a quotient: a ten-billionth of a dollar, or of the price of a day ago.
_LAST_DIGIT = Decimal("1E-10")
_PERCENT_DIGIT = Decimal("0.0001")

_HALF = Decimal("0.5")

ZERO = Decimal(0)


def times(one: Decimal, other: Decimal) -> Decimal:
    """The product, exact."""
    return _plain(_EXACT.multiply(one, other))


def minus(one: Decimal, other: Decimal) -> Decimal:
    """The difference, exact."""
    return _plain(_EXACT.subtract(one, other))


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, exact."""
    summed = ZERO
    for amount in amounts:
        summed = _EXACT.add(summed, amount)
    return _plain(summed)


def halfway(one: Decimal, other: Decimal) -> Decimal:
    """The number in the middle of two, exact."""
    return _plain(_EXACT.multiply(_EXACT.add(one, other), _HALF))


def divided(amount: Decimal, by: Decimal) -> Decimal:
    """The quotient to ten decimals; exact where it has no more."""
    return _plain(_EXACT.quantize(_EXACT.divide(amount, by), _LAST_DIGIT))


def rounded(amount: Decimal, decimals: int) -> Decimal:
    """The amount rounded to `decimals`; a half goes to the even digit."""
    return _plain(_EXACT.quantize(amount, Decimal(1).scaleb(-decimals)))


def percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """`part` in percent of `whole`, to four decimals; None where `whole` is zero."""
    if not whole:
        return None
    quotient = _EXACT.divide(_EXACT.multiply(part, Decimal(100)), whole)
    return _plain(_EXACT.quantize(quotient, _PERCENT_DIGIT))


def _plain(number: Decimal) -> Decimal:
    """The number without trailing zeros and without a positive exponent."""
    number = _EXACT.normalize(number)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if not number:
        return ZERO
    return number if exponent <= 0 else _EXACT.quantize(number, Decimal(1))
