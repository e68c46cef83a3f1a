"""Strict parsing of what comes from outside: exact numbers, times, and parts of JSON.

`int` and `Decimal` alone would read underscores, spaces and the digits of every script.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

# No price or size of this world needs more; `Decimal` would swallow megabytes of digits.
_LONGEST = 40
# Of a count, a port or a number in the database.
_WHOLE = re.compile(r"[0-9]{1,18}")
_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Python's fromisoformat knows six digits of a second; nanoseconds have nine.
_FRACTION = 6

# Numbers


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
    return _exact_text(text) if isinstance(text, str) else _unusual(text)


# Most prices and sizes of a book were in the one before.
@lru_cache(maxsize=4096)
def _exact_text(text: str) -> Decimal:
    if len(text) <= _LONGEST and _is_plain(text):
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


# Parts of JSON


def mapping(value: Any) -> dict[str, Any]:
    """`value`, which must be a JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def sequence(value: Any) -> list[Any]:
    """`value`, which must be a JSON array."""
    if not isinstance(value, list):
        raise TypeError(f"expected an array, got {type(value).__name__}")
    return value


def text(value: Any) -> str:
    """`value`, which must be a string."""
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type(value).__name__}")
    return value


def integer(value: Any) -> int:
    """`value`, which must be a whole JSON number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected an integer, got {type(value).__name__}")
    return value


# Times


def from_seconds(value: Any) -> datetime:
    """The moment so many seconds after 1970."""
    return _EPOCH + timedelta(seconds=integer(value))


def from_milliseconds(value: Any) -> datetime:
    """The moment so many milliseconds after 1970."""
    return _EPOCH + timedelta(milliseconds=integer(value))


def from_microseconds(value: Any) -> datetime:
    """The moment so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=integer(value))


def from_iso(value: Any) -> datetime:
    """The moment of an RFC 3339 text with a zone and any number of digits of a second."""
    head, dot, rest = text(value).partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        # Python would ignore other characters here.
        if not digits or rest[digits : digits + 1] not in ("Z", "+", "-"):
            raise ValueError("not a time with a zone")
        head = f"{head}.{rest[:digits][:_FRACTION]:0<{_FRACTION}}{rest[digits:]}"
    moment = datetime.fromisoformat(head)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)
