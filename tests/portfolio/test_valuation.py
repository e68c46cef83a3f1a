"""What holdings are worth, to the last digit."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.price_class import PriceClass
from omcrm.market.source import SIMULATED
from omcrm.portfolio.valuation import Missing, ValuedHolding, counted_classes, value
from omcrm.streaming import wire
from tests.portfolio.own import INSTRUMENTS, by_symbol, held, portfolio, priced
from tests.processes import ROOT
from tests.values import START, after

quantities = st.decimals(min_value="1e-18", max_value=10**15 - 1, places=18)
prices = st.decimals(min_value="1e-10", max_value=10**12, places=10)
DOLLAR_SYMBOLS = [
    instrument
    for instrument in INSTRUMENTS
    if not instrument.startswith("USD") and instrument != "EURGBP"
]


def only(*holdings_and_quotes: object, demo: bool = False) -> ValuedHolding:
    holding, *quotes = holdings_and_quotes
    (found,) = value(portfolio(holding), by_symbol(*quotes), START, demo=demo).holdings
    return found


# Exactness


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(DOLLAR_SYMBOLS), st.tuples(quantities, prices, prices), max_size=8
    )
)
def test_totals_are_exact(said: dict[str, tuple[Decimal, Decimal, Decimal]]) -> None:
    """Value, cost and profit are those of fractions, and the parts add up to the whole."""
    own = portfolio(*[held(symbol, str(said[symbol][0]), str(said[symbol][2])) for symbol in said])
    worth = value(own, by_symbol(*[priced(symbol, said[symbol][1]) for symbol in said]), START)
    total = sum(Fraction(quantity) * Fraction(price) for quantity, price, _ in said.values())
    cost = sum(Fraction(quantity) * Fraction(cost) for quantity, _, cost in said.values())

    assert total == Fraction(worth.total_value)
    assert cost == Fraction(worth.cost)
    assert total - cost == Fraction(worth.profit)
    assert total == sum(Fraction(holding.value) for holding in worth.holdings)
    assert total == sum(Fraction(share.value) for share in worth.coverage.classes)


@settings(max_examples=50)
@given(quantities, prices, prices)
def test_what_is_worth_as_much_as_it_cost_has_no_profit(
    quantity: Decimal, price: Decimal, rate: Decimal
) -> None:
    """Also where it is converted: both are converted alike."""
    holding = held("EURGBP", str(quantity), str(price))
    found = only(holding, priced("EURGBP", price), priced("GBPUSD", rate))

    assert (0, 0) == (found.profit, found.profit_percent or 0)
    assert Fraction(quantity) * Fraction(price) * Fraction(rate) == Fraction(found.value)


@given(quantities, prices)
def test_dollars_held_as_a_pair_are_dollars(quantity: Decimal, price: Decimal) -> None:
    """So many of USDJPY are so many dollars, whatever a dollar costs in yen."""
    worth = only(held("USDJPY", str(quantity)), priced("USDJPY", price)).value

    assert abs(worth - quantity) <= Decimal("5e-11")


def test_it_is_written_exactly() -> None:
    """A number in JSON has the digits of the decimal."""
    own = portfolio(held("BTC", "0.123456789012345678"))
    worth = value(own, by_symbol(priced("BTC", "61234.57")), START)

    assert '"total_value":7559.82338875171228368846' in wire.dumps(worth)[:300]


# What counts


@pytest.mark.parametrize("price_class", list(PriceClass))
@pytest.mark.parametrize("demo", [False, True])
def test_the_class_of_its_price_decides_what_counts(price_class: PriceClass, demo: bool) -> None:
    """A fixed price never does, a simulated one only in a demonstration."""
    own = portfolio(held("BTC", "2", "10"))
    worth = value(own, by_symbol(priced("BTC", "30", price_class)), START, demo=demo)
    never = {PriceClass.LAST_RESORT} | (set() if demo else {PriceClass.SIMULATED})
    counts = price_class not in never

    assert counts is worth.holdings[0].is_counted
    assert (Decimal(60) if counts else None) == worth.total_value
    assert (Decimal(0) if counts else Decimal(60)) == worth.not_counted_value
    assert (price_class in counted_classes(demo)) is counts


def test_what_does_not_count_is_in_no_total() -> None:
    """Neither its value nor its cost, profit or share."""
    own = portfolio(held("BTC", "1", "10"), held("ETH", "5", "100"))
    fixed = priced("ETH", "2", PriceClass.LAST_RESORT)
    worth = value(own, by_symbol(priced("BTC", "30", opened="20"), fixed), START)

    assert (30, 10, 20) == (worth.total_value, worth.cost, worth.profit)
    assert (200, 10, 50) == (worth.profit_percent, worth.daily_change, worth.daily_change_percent)
    assert (Decimal(100), None) == tuple(holding.share_percent for holding in worth.holdings)
    assert (10, -490) == (worth.holdings[1].value, worth.holdings[1].profit)


def test_an_empty_portfolio_is_worth_nothing() -> None:
    """That is known, where the value of an unknown price is not."""
    nothing = value(portfolio(), {}, START)
    unknown = value(portfolio(held("BTC")), {}, START)

    assert (0, 0, 0) == (nothing.total_value, nothing.cost, nothing.profit)
    assert (None, None, None) == (unknown.total_value, unknown.cost, unknown.profit)
    assert (None, None) == (nothing.daily_change, unknown.daily_change)


def test_what_was_given_has_no_profit_in_percent() -> None:
    """There is nothing to compare with."""
    found = only(held("BTC", "1", "0"), priced("BTC", "30"))

    assert (30, None) == (found.profit, found.profit_percent)


# What is missing


def test_what_has_no_value_says_why() -> None:
    """A price, a rate, a currency, or that nobody asks for it any more."""
    pair = priced("EURGBP", "0.85")
    unnamed = structs.replace(INSTRUMENTS["USDJPY"], symbol="YEN", provider_symbols={})
    unfollowed = structs.replace(held("BTC"), is_followed=False)

    assert Missing.NO_PRICE is only(held("BTC")).missing
    assert Missing.NOT_FOLLOWED is only(unfollowed).missing
    assert Missing.NO_RATE is only(held("EURGBP"), pair).missing
    assert Missing.UNKNOWN_CURRENCY is only(held(unnamed), priced("YEN", "147")).missing
    assert Decimal("0.85") == only(held("EURGBP"), pair).price
    assert None is only(held("EURGBP"), pair).value


# Currencies


def test_it_is_no_better_than_its_rate() -> None:
    """The weaker class and the older age of price and rate hold."""
    rate = priced("GBPUSD", "1.25", PriceClass.INDICATIVE, at=after(-600))
    found = only(held("EURGBP", "2", "0.5"), priced("EURGBP", "0.8", at=after(-1)), rate)

    assert (Decimal(2), Decimal("1.25")) == (found.value, found.cost)
    assert (PriceClass.INDICATIVE, 600.0) == (found.price_class, found.age_seconds)
    assert ("GBP", "GBPUSD", False) == (found.currency, found.rate_symbol, found.rate_is_inverse)


# The day's change


def test_a_change_is_in_dollars() -> None:
    """A currency's own change is part of it."""
    pair = priced("EURGBP", "0.8", change="0", source="x")
    rate = priced("GBPUSD", "1.5", change="50", source="x")
    found = only(held("EURGBP", "10"), pair, rate)

    assert (12, 8, 4) == (found.value, found.value_before, found.daily_change)
    assert (50, "previous_close") == (found.daily_change_percent, found.daily_change_basis)


def test_a_change_needs_the_rates_too() -> None:
    """Of the same day: neither an untold one nor that of other 24 hours will do."""
    pair = priced("EURGBP", "0.8", change="0", source="x")
    untold = only(held("EURGBP"), pair, priced("GBPUSD", "1.5"))
    simulated = priced("GBPUSD", "1.5", PriceClass.SIMULATED, change="1", source=SIMULATED.name)
    mixed = only(held("EURGBP"), pair, simulated, demo=True)

    assert (None, None) == (untold.daily_change, mixed.daily_change)
    assert untold.value is not None


def test_what_has_no_change_is_named() -> None:
    """The change is that of the rest, and of nothing else."""
    own = portfolio(held("BTC", "1"), held("AAPL", "1"), held("ETH", "1"))
    quotes = by_symbol(priced("BTC", "110", opened="100"), priced("AAPL", "5", opened="4"))
    worth = value(own, quotes, START)

    assert (10, 10) == (worth.daily_change, worth.daily_change_percent)
    assert ("AAPL", "ETH") == worth.no_daily_change


def test_a_clock_that_is_behind_makes_no_negative_age() -> None:
    """A price of the next second is as old as one of now."""
    assert 0 == only(held("BTC"), priced("BTC", "1", at=after(1))).age_seconds


def test_it_needs_no_app() -> None:
    """Whoever values may do so where there is neither Flask nor a database."""
    program = (
        "import sys, omcrm.portfolio.valuation as it;"
        "sys.exit(bool({'flask', 'sqlalchemy'} & sys.modules.keys()))"
    )

    assert 0 == subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode
