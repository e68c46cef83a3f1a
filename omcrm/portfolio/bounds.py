"""Validates the name of a portfolio and the amounts it holds."""

import unicodedata
from decimal import Decimal

from omcrm.errors import AccessRefused
from omcrm.market.parsing import exact, plain
from omcrm.storage.portfolio import NAME_LENGTH
from omcrm.wire.error_code import ErrorCode

MOST_PORTFOLIOS = 50
"""The maximum of portfolios of one user."""

MOST_HOLDINGS = 500
"""The maximum of holdings in one portfolio."""

_DECIMALS = 18
_BELOW = Decimal(10) ** 15


def portfolio_name(text: str) -> str:
    """The name with normalised spaces; refused where it is empty, too long or unprintable."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not name:
        raise _invalid("name", "Give the portfolio a name.")
    if len(name) > NAME_LENGTH:
        raise _invalid("name", f"The name may have at most {NAME_LENGTH} characters.")
    if not name.isprintable():
        raise _invalid("name", "The name has characters that cannot be shown.")
    return name


def quantity(given: str | int | Decimal) -> Decimal:
    """A quantity held: more than zero."""
    number = _number("quantity", "quantity", given)
    if number <= 0:
        raise _invalid("quantity", "The quantity must be more than zero.")
    return number


def average_cost(given: str | int | Decimal) -> Decimal:
    """The average cost of one unit: zero or more."""
    number = _number("average_cost", "average cost", given)
    if number < 0:
        raise _invalid("average_cost", "The average cost cannot be less than zero.")
    return number


def _number(field: str, words: str, given: str | int | Decimal) -> Decimal:
    try:
        number = plain(given) if isinstance(given, str) else exact(given)
    except ValueError:
        raise _invalid(field, f"The {words} must be a number such as 0.25.") from None
    # `abs` would round to the precision of the context.
    if number.copy_abs() >= _BELOW:
        raise _invalid(field, f"The {words} must be less than 1,000,000,000,000,000.")
    digits = f"{number:f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    if len(digits.partition(".")[2]) > _DECIMALS:
        raise _invalid(field, f"The {words} may have at most {_DECIMALS} decimals.")
    # A zero may have a sign and an exponent: drop both.
    return Decimal(digits) if number else Decimal(0)


def _invalid(field: str, message: str) -> AccessRefused:
    return AccessRefused(ErrorCode.INVALID_PAYLOAD, message, field=field)
