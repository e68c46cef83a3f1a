from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from omcrm.market.amount import divided, halfway, minus, percent, times, total

amounts = st.decimals(min_value=-(10**40), max_value=10**40, places=36)


@given(amounts, amounts)
def test_products_differences_and_sums_are_exact(one: Decimal, other: Decimal) -> None:
    """A product, difference or sum loses no digit, however long the numbers are."""
    assert Fraction(one) * Fraction(other) == Fraction(times(one, other))
    assert Fraction(one) - Fraction(other) == Fraction(minus(one, other))
    assert Fraction(one) + Fraction(other) == Fraction(total((one, other)))


@given(amounts, amounts.filter(bool))
def test_a_quotient_is_rounded_to_its_last_decimal(amount: Decimal, by: Decimal) -> None:
    """The rounding error is at most half of the last decimal."""
    wrong = abs(Fraction(amount) / Fraction(by) - Fraction(divided(amount, by)))

    assert wrong <= Fraction(1, 2 * 10**10)


def test_a_quotient_without_remainder_is_exact() -> None:
    """Dollars converted to yen and back are the same."""
    assert Decimal("3") == divided(times(Decimal(3), Decimal("147.2")), Decimal("147.2"))


@given(amounts, amounts)
def test_the_middle_of_two_is_exact(one: Decimal, other: Decimal) -> None:
    """It has one decimal more at most."""
    assert (Fraction(one) + Fraction(other)) / 2 == Fraction(halfway(one, other))


def test_numbers_have_no_exponent() -> None:
    """Results are written without an exponent and without trailing zeros."""
    assert "0" == str(total(()))
    assert "0" == str(minus(Decimal("1.50"), Decimal("1.5")))
    assert "1000" == str(times(Decimal("1E+2"), Decimal("10.00")))


def test_percent_of_zero_is_none() -> None:
    """A percentage of zero is None; any other one has four decimals."""
    assert None is percent(Decimal(1), Decimal(0))
    assert Decimal("33.3333") == percent(Decimal(1), Decimal(3))
    assert Decimal("-50") == percent(Decimal(-1), Decimal(2))
