"""Numbers in this dialect's format: as text, changes with their sign."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

# More digits than any price, amount or volume has.
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)


def plain(number: Decimal | None, decimals: int | None = None) -> str | None:
    """A number such as `398.09`, with `decimals` or all its own decimals."""
    if number is None:
        return None
    return format(number if decimals is None else _rounded(number, decimals), "f")


def signed(number: Decimal | None, decimals: int) -> str | None:
    """A change such as `+0.94` or `-1.20`; zero is `+0.00`."""
    return None if number is None else format(_rounded(number, decimals), "+f")


def percent(number: Decimal | None) -> str | None:
    """A change in percent such as `+0.24%`."""
    text = signed(number, 2)
    return None if text is None else f"{text}%"


def mean(numbers: list[Decimal]) -> Decimal | None:
    """The average; None of an empty list."""
    if not numbers:
        return None
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return _EXACT.divide(total, Decimal(len(numbers)))


def _rounded(number: Decimal, decimals: int) -> Decimal:
    rounded = number.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)
    return rounded.copy_abs() if rounded.is_zero() else rounded
