"""Exact numbers with the eight decimals of Binance, held as integers of 1e-8.

Integers and not Decimal, because a recording at full speed adds up several hundred thousand of them
a second; no number is rounded when it is read.
"""

from decimal import Decimal

DIGITS = 8
ONE: int = 10**DIGITS


def parse(text: str) -> int:
    """Return `text`, a plain non-negative decimal, in 1e-8; ValueError for anything else."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction.ljust(DIGITS, "0")
    if not whole or len(fraction) > DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"not a plain decimal: {text[:40]!r}")
    return int(digits)


def from_decimal(value: Decimal) -> int:
    """Return `value` in 1e-8, truncated."""
    return int(value * ONE)


def render(value: int) -> str:
    """Return `value`, in 1e-8, as a string with eight decimals."""
    whole, fraction = divmod(abs(value), ONE)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:08d}"


def render_product(value: int) -> str:
    """Return a price times a quantity, in 1e-16, as a string truncated to eight decimals."""
    return render(value // ONE)
