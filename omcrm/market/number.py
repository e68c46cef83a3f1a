"""Exact numbers from an upstream's text."""

from decimal import Decimal, InvalidOperation

# No price or size of this world needs more; `Decimal` would swallow megabytes of digits.
_LONGEST = 40


def exact(text: str | int | Decimal) -> Decimal:
    """The finite decimal that `text` spells, without trailing zeros.

    Raises ValueError for anything else: NaN, infinities, exponents beyond reason, other types.
    """
    if isinstance(text, str):
        if len(text) > _LONGEST:
            raise ValueError("number too long")
        # `Decimal` alone would read underscores, spaces and the digits of every script.
        if not text.isascii() or "_" in text or text != text.strip():
            raise ValueError("not a number")
        if "." in text and "e" not in text and "E" not in text:
            text = text.rstrip("0").rstrip(".")
    elif isinstance(text, bool) or not isinstance(text, int | Decimal):
        raise ValueError(f"not a number: {type(text).__name__}")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("not a number") from error
    if not number.is_finite():
        raise ValueError("not finite")
    if abs(number.adjusted()) > _LONGEST:
        raise ValueError("number out of range")
    return number
