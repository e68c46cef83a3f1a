import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from omcrm.market.parsing import exact, plain, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("61837.63000000", "61837.63"),
        ("0.00000001", "0.00000001"),
        ("100", "100"),
        ("100.000", "100"),
        ("0.00000000", "0"),
        (".0", "0"),
        (".00", "0"),
        ("0.", "0"),
        (".50", "0.5"),
        ("-1.50", "-1.5"),
        ("1e-8", "0.00000001"),
        (7, "7"),
        (-3, "-3"),
        (Decimal("1.25"), "1.25"),
    ],
)
def test_reads_a_number_exactly(text: str | int | Decimal, number: str) -> None:
    """A number is read digit by digit as it was written."""
    assert Decimal(number) == exact(text)


def test_trailing_zeros_are_removed() -> None:
    """A price is read without the zeros that an upstream pads it with."""
    assert "61837.63" == str(exact("61837.63000000"))
    assert "61837" == str(exact("61837.00000000"))
    assert "100" == str(exact("100"))


@pytest.mark.parametrize(
    "text", ["NaN", "sNaN", "nan", "Infinity", "-Infinity", "inf", "1e999999", "-1e41", "1e-41"]
)
def test_numbers_that_are_not_finite_or_too_large_are_rejected(text: str) -> None:
    """NaN, infinities and exponents beyond any price raise an error."""
    with pytest.raises(ValueError):
        exact(text)


@pytest.mark.parametrize("text", ["", ".", "-.", "abc", "0x10", "1.2.3", "1,5", "1 5", "--1"])
def test_text_without_a_number_is_rejected(text: str) -> None:
    """Text that is not a number raises an error."""
    with pytest.raises(ValueError):
        exact(text)


@pytest.mark.parametrize("text", ["61_837.63", " 61837.63", "61837.63\n", "６１８３７", "٣"])
def test_number_spellings_of_python_alone_are_rejected(text: str) -> None:
    """Underscores, spaces and other digits than ASCII raise an error."""
    with pytest.raises(ValueError):
        exact(text)


@pytest.mark.parametrize("value", [None, True, False, 1.5, float("nan"), [], {}, b"1"])
def test_other_types_are_rejected(value: Any) -> None:
    """A float has lost digits and a boolean is no number: both raise an error."""
    with pytest.raises(ValueError):
        exact(value)


@pytest.mark.parametrize("value", ["9" * 41, "0." + "0" * 5_000_000, 10**50])
def test_very_long_numbers_are_rejected(value: str | int) -> None:
    """A number longer than any price raises an error before it is parsed."""
    with pytest.raises(ValueError):
        exact(value)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=0, max_value=10**12))
def test_any_padded_price_is_read_back(number: Decimal) -> None:
    """Every price with eight decimals is read back exactly."""
    assert number == exact(f"{number:.8f}")


GRAMMARS = [
    (whole, r"[0-9]{1,18}"),
    (plain, r"(?=.{1,40}\Z)[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    (exact, r"(?=.{1,40}\Z)[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9])?"),
]
# The characters of numbers, here and in Python alone.
SIGNS = st.sampled_from(list("0123456789") * 2 + list("+-._eE \n\t,'xNaIf٣６²−\u00a0\x00"))


@pytest.mark.parametrize(("read", "grammar"), GRAMMARS)
@settings(deadline=None, max_examples=400)
@given(text=st.text(SIGNS, max_size=12) | st.from_regex(r"[+-]?[0-9]*\.?[0-9]*", fullmatch=True))
def test_exactly_the_grammar_is_read(
    read: Callable[[str], int | Decimal], grammar: str, text: str
) -> None:
    """A text of the grammar is read as its number, every other text raises an error."""
    # Whether a longer exponent is accepted depends on its size.
    assume(read is not exact or not re.search(r"[eE][+-]?[0-9]{2}", text))
    if re.fullmatch(grammar, text, re.ASCII):
        assert Decimal(text) == read(text)
    else:
        with pytest.raises(ValueError):
            read(text)


@pytest.mark.parametrize("read", [whole, plain])
def test_text_that_is_too_long_is_rejected(read: Callable[[str], int | Decimal]) -> None:
    """A megabyte of digits raises an error."""
    with pytest.raises(ValueError):
        read("9" * 1_000_000)
