"""What the parsers of all upstreams share: exact numbers, times, and errors of bad frames."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from omcrm.feeds.provider import Unreadable

# Every error that reading a frame of any bytes can raise.
BAD_FRAME = (
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_LONGEST_PROBLEM = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Python's fromisoformat knows six digits of a second; nanoseconds have nine.
_FRACTION = 6

decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""JSON whose fractions are exact decimals; raises one of BAD_FRAME."""


def unreadable(error: Exception) -> Unreadable:
    """The event for a frame that raised `error`."""
    return Unreadable(f"{type(error).__name__}: {error}"[:_LONGEST_PROBLEM])


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
