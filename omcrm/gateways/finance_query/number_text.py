"""Numbers as this dialect writes them: in texts, changes with their sign."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

# More digits than any price, amount or volume has.
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)


def plain(number: Decimal | None, decimals: int | None = None) -> str | None:
    """`398.09`, with so many decimals, or as many as it has."""
    if number is None:
        return None
    return format(number if decimals is None else _rounded(number, decimals), "f")


def signed(number: Decimal | None, decimals: int) -> str | None:
    """`+0.94`, `-1.20`; nothing is `+0.00`."""
    return None if number is None else format(_rounded(number, decimals), "+f")


def percent(number: Decimal | None) -> str | None:
    """`+0.24%`, of a number of percents."""
    text = signed(number, 2)
    return None if text is None else f"{text}%"


def mean(numbers: list[Decimal]) -> Decimal | None:
    """The average; None of nothing."""
    if not numbers:
        return None
    found = Decimal(0)
    for number in numbers:
        found = _EXACT.add(found, number)
    return _EXACT.divide(found, Decimal(len(numbers)))


def _rounded(number: Decimal, decimals: int) -> Decimal:
    rounded = number.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)
    return rounded.copy_abs() if rounded.is_zero() else rounded
