from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.errors import AccessRefused
from omcrm.portfolio import bounds


def refused(validate: Callable, given: object) -> tuple[str, str | None, str]:
    with pytest.raises(AccessRefused) as refusal:
        validate(given)
    return refusal.value.code, refusal.value.field, refusal.value.message


def test_a_name_is_normalised() -> None:
    """Extra spaces are removed; accents have one encoding."""
    assert "My  pension".replace("  ", " ") == bounds.portfolio_name("  My   pension ")
    assert "\u00e9" == bounds.portfolio_name("e\u0301")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Give the portfolio a name."),
        (" \t ", "Give the portfolio a name."),
        ("x" * 61, "The name may have at most 60 characters."),
        ("a\x00b", "The name has characters that cannot be shown."),
        ("a\u202eb", "The name has characters that cannot be shown."),
    ],
)
def test_a_name_is_refused_with_its_reason(name: str, words: str) -> None:
    """The refusal has the field and the reason."""
    assert ("INVALID_PAYLOAD", "name", words) == refused(bounds.portfolio_name, name)


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("0.25", "0.25"),
        ("+1.500", "1.5"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("999999999999999.999999999999999999", "999999999999999.999999999999999999"),
        (3, "3"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.5000"), "0.5"),
    ],
)
def test_a_quantity_keeps_every_digit(given: str | int | Decimal, number: str) -> None:
    """Only trailing zeros are dropped, and there is no exponent."""
    assert number == f"{bounds.quantity(given):f}"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("0", "The quantity must be more than zero."),
        ("-0.0", "The quantity must be more than zero."),
        ("-1", "The quantity must be more than zero."),
        ("", "The quantity must be a number such as 0.25."),
        ("NaN", "The quantity must be a number such as 0.25."),
        ("1e999999999", "The quantity must be a number such as 0.25."),
        ("1,5", "The quantity must be a number such as 0.25."),
        (" 1", "The quantity must be a number such as 0.25."),
        ("1e3", "The quantity must be a number such as 0.25."),
        ("1_000", "The quantity must be a number such as 0.25."),
        ("٣", "The quantity must be a number such as 0.25."),
        ("9" * 5000, "The quantity must be a number such as 0.25."),
        (True, "The quantity must be a number such as 0.25."),
        (Decimal("Infinity"), "The quantity must be a number such as 0.25."),
        ("1000000000000000", "The quantity must be less than 1,000,000,000,000,000."),
        ("0.0000000000000000001", "The quantity may have at most 18 decimals."),
    ],
)
def test_a_quantity_is_refused_with_its_reason(given: object, words: str) -> None:
    """The refusal has the field and the reason."""
    assert ("INVALID_PAYLOAD", "quantity", words) == refused(bounds.quantity, given)


def test_a_cost_is_zero_or_more() -> None:
    """A gift has the cost zero."""
    assert "0" == str(bounds.average_cost("-0.00"))
    assert "average_cost" == refused(bounds.average_cost, "-0.01")[1]


@given(st.decimals(min_value=0, max_value=10**14, places=18))
def test_a_valid_amount_keeps_its_value(number: Decimal) -> None:
    """No amount within the bounds is rounded."""
    assert number == bounds.average_cost(f"{number:f}"[:40])
