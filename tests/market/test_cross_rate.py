from decimal import Decimal

import pytest

from omcrm.market.currency import cross_rate, currencies

TABLE = {
    "USD": 1,
    "EUR": Decimal("0.9013"),
    "GBP": Decimal("0.7679"),
    "JPY": Decimal("156.7412"),
    "IDR": 15850,
    "XAU": None,
}


def test_a_pair_is_two_currencies() -> None:
    """The first three letters are the base currency, the others the quote currency."""
    assert ("EUR", "USD") == currencies("EURUSD")


@pytest.mark.parametrize(
    ("pair", "rate"),
    [
        ("USDJPY", "156.7412"),
        ("EURUSD", "1.1095085"),
        ("EURGBP", "0.85199157"),
        ("GBPJPY", "204.11668"),
        ("JPYUSD", "0.0063799435"),
        ("USDIDR", "15850"),
        ("USDUSD", "1"),
    ],
)
def test_any_two_currencies_of_a_table_have_a_rate(pair: str, rate: str) -> None:
    """Direct, inverse and cross rates have eight significant digits."""
    assert Decimal(rate) == cross_rate(TABLE, pair)


def test_a_rate_times_its_inverse_is_one() -> None:
    """A cross rate times its inverse is one, except for rounding."""
    product = cross_rate(TABLE, "EURGBP") * cross_rate(TABLE, "GBPEUR")

    assert abs(product - 1) < Decimal("1e-7")


def test_a_rate_of_whole_numbers_is_written_out() -> None:
    """A rate of 3000 is written as 3000, not as 3E+3."""
    assert "3000" == str(cross_rate({"USD": Decimal("0.5"), "IDR": 1500}, "USDIDR"))


@pytest.mark.parametrize("pair", ["USDTRY", "TRYUSD", "USDXAU", "XAUUSD", "USD", "", "EURUSDT"])
def test_a_missing_currency_has_no_rate(pair: str) -> None:
    """The rate of a currency that the table lacks is None."""
    assert cross_rate(TABLE, pair) is None


@pytest.mark.parametrize("wrong", [0, -1, "NaN", "", True, "x", {}, [], Decimal("-0.5")])
@pytest.mark.parametrize("pair", ["USDEUR", "EURUSD"])
def test_an_invalid_rate_raises(pair: str, wrong: object) -> None:
    """A rate that is zero, negative or not a number raises an error."""
    with pytest.raises((ValueError, ArithmeticError)):
        cross_rate({"USD": 1, "EUR": wrong}, pair)
