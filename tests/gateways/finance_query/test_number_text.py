from decimal import Decimal

import pytest

from omcrm.gateways.finance_query import number_text


@pytest.mark.parametrize(
    ("number", "decimals", "written"),
    [
        ("398.0899", 2, "398.09"),
        ("398", 2, "398.00"),
        ("0.345", 4, "0.3450"),
        ("1E+3", None, "1000"),
        ("0.00000001", None, "0.00000001"),
        ("123456789012345678901234567890.129", 2, "123456789012345678901234567890.13"),
    ],
)
def test_a_price_has_the_instruments_digits(
    number: str, decimals: int | None, written: str
) -> None:
    """Or its own decimals, and never an exponent."""
    assert written == number_text.plain(Decimal(number), decimals)


@pytest.mark.parametrize(
    ("number", "written"),
    [("0.94", "+0.94"), ("-1.2", "-1.20"), ("0", "+0.00"), ("-0.001", "+0.00")],
)
def test_a_change_has_its_sign(number: str, written: str) -> None:
    """Zero is always positive."""
    assert written == number_text.signed(Decimal(number), 2)
    assert f"{written}%" == number_text.percent(Decimal(number))


def test_an_unknown_number_is_none() -> None:
    """There is no text for it."""
    assert None is number_text.plain(None, 2)
    assert None is number_text.signed(None, 2)
    assert None is number_text.percent(None)


def test_the_mean() -> None:
    """An empty list has none."""
    assert Decimal(2) == number_text.mean([Decimal(1), Decimal(3)])
    assert None is number_text.mean([])
