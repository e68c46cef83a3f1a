from decimal import Decimal

import pytest

from omcrm.market.cross_rate import cross_rate, currencies

TABLE = {
    "USD": 1,
    "EUR": Decimal("0.9013"),
    "GBP": Decimal("0.7679"),
    "JPY": Decimal("156.7412"),
    "IDR": 15850,
    "XAU": None,
}


def test_a_pair_is_two_currencies() -> None:
    """The first three letters are bought, the others paid with."""
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
    """Both directions and crosses, with eight digits that count."""
    assert Decimal(rate) == cross_rate(TABLE, pair)


def test_there_and_back_is_where_it_began() -> None:
    """A rate times its inverse is one, but for the last digit."""
    both = cross_rate(TABLE, "EURGBP") * cross_rate(TABLE, "GBPEUR")

    assert abs(both - 1) < Decimal("1e-7")


def test_a_rate_of_whole_numbers_is_written_out() -> None:
    """Three thousand is 3000, not 3E+3."""
    assert "3000" == str(cross_rate({"USD": Decimal("0.5"), "IDR": 1500}, "USDIDR"))


@pytest.mark.parametrize("pair", ["USDTRY", "TRYUSD", "USDXAU", "XAUUSD", "USD", "", "EURUSDT"])
def test_what_is_missing_has_no_rate(pair: str) -> None:
    """A currency that the table lacks is no zero and no error."""
    assert cross_rate(TABLE, pair) is None


@pytest.mark.parametrize("wrong", [0, -1, "NaN", "", True, "x", {}, [], Decimal("-0.5")])
@pytest.mark.parametrize("pair", ["USDEUR", "EURUSD"])
def test_what_is_no_rate_is_refused(pair: str, wrong: object) -> None:
    """Nothing is multiplied by zero, by less, or by a word."""
    with pytest.raises((ValueError, ArithmeticError)):
        cross_rate({"USD": 1, "EUR": wrong}, pair)
