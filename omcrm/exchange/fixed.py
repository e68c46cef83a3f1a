"""Exact numbers with the eight decimals Binance prints, held as whole numbers of 1e-8.

Whole numbers and not Decimal, because a tape at full speed adds up several hundred thousand of
them a second; nothing here is ever rounded on the way in.
"""

from decimal import Decimal

DIGITS = 8
ONE: int = 10**DIGITS


def parse(text: str) -> int:
    """Give `text`, a plain non-negative decimal, in 1e-8; ValueError for anything else."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction.ljust(DIGITS, "0")
    if not whole or len(fraction) > DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"not a plain decimal: {text[:40]!r}")
    return int(digits)


def from_decimal(value: Decimal) -> int:
    """Give `value` in 1e-8, cut off below that."""
    return int(value * ONE)


def render(value: int) -> str:
    """Give `value`, counted in 1e-8, as text with eight decimals."""
    whole, fraction = divmod(abs(value), ONE)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:08d}"


def render_product(value: int) -> str:
    """Give a price times a quantity, counted in 1e-16, as text cut off after eight decimals."""
    return render(value // ONE)
