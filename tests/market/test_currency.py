from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.market.currency import Rate, money, pair_currency, rate_of
from tests.portfolio.own import by_symbol, priced


def test_a_pair_is_quoted_in_its_second_currency() -> None:
    """The first name that is a pair shows it; without such a name it is None."""
    assert "GBP" == pair_currency(["EURGBP"])
    assert "JPY" == pair_currency(["YEN", "usdjpy", "USDJPY", "EURGBP"])
    assert None is pair_currency(["YEN", "usdjpy"])


def test_the_dollar_needs_no_quote() -> None:
    """The rate of the dollar is one, without any quote."""
    assert Rate() == rate_of("USD", {})
    assert Decimal("1.5") == Rate().dollars(Decimal("1.5"))


def test_a_rate_is_from_either_pair() -> None:
    """Pounds are multiplied by GBPUSD, yen are divided by USDJPY."""
    quotes = by_symbol(priced("GBPUSD", "1.25"), priced("USDJPY", "160"))

    assert Decimal("2.5") == rate_of("GBP", quotes).dollars(Decimal(2))
    assert Decimal("0.5") == rate_of("JPY", quotes).dollars(Decimal(80))
    assert Decimal("0.8") == rate_of("JPY", quotes).dollars(Decimal(80), Decimal(100))


def test_a_rate_without_a_quote_is_none() -> None:
    """Without a quote of its pair a currency has no rate."""
    assert None is rate_of("GBP", {})


@given(
    st.decimals(min_value=-(10**30), max_value=10**30, places=20),
    st.sampled_from([("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("XXX", 2)]),
)
def test_money_has_the_decimals_of_its_currency(amount: Decimal, currency: tuple[str, int]) -> None:
    """An amount is rounded to the nearest smallest unit of its currency."""
    name, decimals = currency
    rounded = money(amount, name)

    assert abs(Fraction(amount) - Fraction(rounded)) <= Fraction(1, 2 * 10**decimals)
    assert len(f"{rounded:f}".partition(".")[2]) <= decimals


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("9411.8263", "USD", "9411.83"),
        ("0.125", "USD", "0.12"),
        ("0.135", "USD", "0.14"),
        ("-0.001", "USD", "0"),
        ("1E+3", "USD", "1000"),
        ("147.5", "JPY", "148"),
        ("0.0005", "KWD", "0"),
    ],
)
def test_a_half_goes_to_the_even_digit(amount: str, currency: str, rounded: str) -> None:
    """A half is rounded to the even digit, and no exponent is written."""
    assert rounded == str(money(Decimal(amount), currency))


def test_an_unknown_amount_stays_none() -> None:
    """An amount of None is returned as None, not as zero."""
    assert None is money(None, "USD")
