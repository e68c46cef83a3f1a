"""Exact numbers from text that comes from outside.

`int` and `Decimal` alone would read underscores, spaces and the digits of every script.
"""

import re
from decimal import Decimal, InvalidOperation

# No price or size of this world needs more; `Decimal` would swallow megabytes of digits.
_LONGEST = 40
# Of a count, a port or a number in the database.
_WHOLE = re.compile(r"[0-9]{1,18}")
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


def whole(text: str) -> int:
    """The whole number that is written in ASCII digits and nothing else; else ValueError."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def plain(text: str) -> Decimal:
    """The number as people write it: ASCII digits, at most one sign and one point.

    Raises ValueError for anything else, exponents too.
    """
    if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        raise ValueError("not a number, or too long")
    return Decimal(text)


def exact(text: str | int | Decimal) -> Decimal:
    """The finite decimal that an upstream means; a plain one without its trailing zeros.

    Raises ValueError for anything else: NaN, infinities, exponents beyond reason, other types.
    """
    if isinstance(text, str) and len(text) <= _LONGEST and _is_plain(text):
        # Nothing is left of `.0`.
        return Decimal((text.rstrip("0").rstrip(".") or 0) if "." in text else text)
    return _unusual(text)


def _is_plain(text: str) -> bool:
    digits = text.replace(".", "", 1)
    return digits.isascii() and digits.isdigit()


def _unusual(text: str | int | Decimal) -> Decimal:
    if isinstance(text, str):
        if len(text) > _LONGEST or not text.isascii() or "_" in text or text != text.strip():
            raise ValueError("not a number, or too long")
    elif isinstance(text, bool) or not isinstance(text, int | Decimal):
        raise ValueError(f"not a number: {type(text).__name__}")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("not a number") from error
    if not number.is_finite():
        raise ValueError("not finite")
    if abs(number.adjusted()) > _LONGEST or _digits(number) > _LONGEST:
        raise ValueError("number out of range, or too long")
    return number


def _digits(number: Decimal) -> int:
    """How many digits a number is written with, without writing them."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return number.adjusted() - min(exponent, 0) + 1
