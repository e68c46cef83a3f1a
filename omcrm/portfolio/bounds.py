"""What a portfolio may be called, how much it may hold, and how it is refused."""

import unicodedata
from decimal import Decimal

from omcrm.errors import AccessRefused
from omcrm.market.number import exact, plain
from omcrm.storage.portfolio import NAME_LENGTH

MOST_PORTFOLIOS = 50
"""Of one user."""

MOST_HOLDINGS = 500
"""In one portfolio."""

_DECIMALS = 18
_BELOW = Decimal(10) ** 15


def portfolio_name(text: str) -> str:
    """The name with its spaces tidied; refused where it is empty, long or cannot be printed."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not name:
        raise _wrong("name", "Give the portfolio a name.")
    if len(name) > NAME_LENGTH:
        raise _wrong("name", f"The name may have at most {NAME_LENGTH} characters.")
    if not name.isprintable():
        raise _wrong("name", "The name has characters that cannot be shown.")
    return name


def quantity(said: str | int | Decimal) -> Decimal:
    """How much is held: more than zero."""
    number = _number("quantity", "quantity", said)
    if number <= 0:
        raise _wrong("quantity", "The quantity must be more than zero.")
    return number


def average_cost(said: str | int | Decimal) -> Decimal:
    """What one unit cost on average: zero or more."""
    number = _number("average_cost", "average cost", said)
    if number < 0:
        raise _wrong("average_cost", "The average cost cannot be less than zero.")
    return number


def _number(field: str, words: str, said: str | int | Decimal) -> Decimal:
    try:
        number = plain(said) if isinstance(said, str) else exact(said)
    except ValueError:
        raise _wrong(field, f"The {words} must be a number such as 0.25.") from None
    # `abs` would round to the digits of the context.
    if number.copy_abs() >= _BELOW:
        raise _wrong(field, f"The {words} must be less than 1,000,000,000,000,000.")
    digits = f"{number:f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    if len(digits.partition(".")[2]) > _DECIMALS:
        raise _wrong(field, f"The {words} may have at most {_DECIMALS} decimals.")
    # Zero has signs and exponents of its own.
    return Decimal(digits) if number else Decimal(0)


def _wrong(field: str, message: str) -> AccessRefused:
    return AccessRefused("INVALID_PAYLOAD", message, field=field)
