"""The valuation of holdings, to the last digit, and its coverage."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import ChangeBasis
from omcrm.portfolio.valuation import (
    TRUST,
    Missing,
    MissingValue,
    ValuedHolding,
    counted_classes,
    value,
    worst_class,
)
from omcrm.wire import encoding
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
    (valued,) = value(portfolio(holding), by_symbol(*quotes), START, demo=demo).holdings
    return valued


# Exactness


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(DOLLAR_SYMBOLS), st.tuples(quantities, prices, prices), max_size=8
    )
)
def test_totals_are_exact(holdings: dict[str, tuple[Decimal, Decimal, Decimal]]) -> None:
    """Value, cost and profit equal those of fractions, and holdings add up to the total."""
    own = portfolio(
        *[held(symbol, str(holdings[symbol][0]), str(holdings[symbol][2])) for symbol in holdings]
    )
    valuation = value(
        own, by_symbol(*[priced(symbol, holdings[symbol][1]) for symbol in holdings]), START
    )
    total = sum(Fraction(quantity) * Fraction(price) for quantity, price, _ in holdings.values())
    cost = sum(Fraction(quantity) * Fraction(cost) for quantity, _, cost in holdings.values())

    assert total == Fraction(valuation.total_value)
    assert cost == Fraction(valuation.cost)
    assert total - cost == Fraction(valuation.profit)
    assert total == sum(Fraction(holding.value) for holding in valuation.holdings)
    assert total == sum(Fraction(share.value) for share in valuation.coverage.classes)


@settings(max_examples=50)
@given(quantities, prices, prices)
def test_a_value_equal_to_the_cost_has_no_profit(
    quantity: Decimal, price: Decimal, rate: Decimal
) -> None:
    """Also after conversion: both use the same rate."""
    holding = held("EURGBP", str(quantity), str(price))
    valued = only(holding, priced("EURGBP", price), priced("GBPUSD", rate))

    assert (0, 0) == (valued.profit, valued.profit_percent or 0)
    assert Fraction(quantity) * Fraction(price) * Fraction(rate) == Fraction(valued.value)


@given(quantities, prices)
def test_dollars_held_as_a_pair_are_dollars(quantity: Decimal, price: Decimal) -> None:
    """A quantity of USDJPY is that many dollars, at any price in yen."""
    valuation = only(held("USDJPY", str(quantity)), priced("USDJPY", price)).value

    assert abs(valuation - quantity) <= Decimal("5e-11")


def test_a_value_is_encoded_exactly() -> None:
    """A number in JSON has the digits of the decimal."""
    own = portfolio(held("BTC", "0.123456789012345678"))
    valuation = value(own, by_symbol(priced("BTC", "61234.57")), START)

    assert '"total_value":7559.82338875171228368846' in encoding.dumps(valuation)[:300]


# Counted holdings


@pytest.mark.parametrize("price_class", list(PriceClass))
@pytest.mark.parametrize("demo", [False, True])
def test_the_price_class_decides_what_counts(price_class: PriceClass, demo: bool) -> None:
    """A fixed price never does, a simulated or replayed one only in a demonstration."""
    own = portfolio(held("BTC", "2", "10"))
    valuation = value(own, by_symbol(priced("BTC", "30", price_class)), START, demo=demo)
    demo_only = (PriceClass.SIMULATED, PriceClass.REPLAYED)
    counts = price_class is not PriceClass.LAST_RESORT and (demo or price_class not in demo_only)

    assert counts is valuation.holdings[0].is_counted
    assert (Decimal(60) if counts else None) == valuation.total_value
    assert (Decimal(0) if counts else Decimal(60)) == valuation.not_counted_value
    assert (price_class in counted_classes(demo)) is counts


def test_an_uncounted_holding_is_in_no_total() -> None:
    """Neither its value nor its cost or profit; it has no share."""
    own = portfolio(held("BTC", "1", "10"), held("ETH", "5", "100"))
    fixed = priced("ETH", "2", PriceClass.LAST_RESORT)
    valuation = value(own, by_symbol(priced("BTC", "30", opened="20"), fixed), START)

    assert (30, 10, 20) == (valuation.total_value, valuation.cost, valuation.profit)
    assert (200, 10, 50) == (
        valuation.profit_percent,
        valuation.daily_change,
        valuation.daily_change_percent,
    )
    assert (Decimal(100), None) == tuple(holding.share_percent for holding in valuation.holdings)
    assert (10, -490) == (valuation.holdings[1].value, valuation.holdings[1].profit)


def test_the_value_of_an_empty_portfolio_is_zero() -> None:
    """The value of a portfolio without prices is None."""
    nothing = value(portfolio(), {}, START)
    unknown = value(portfolio(held("BTC")), {}, START)

    assert (0, 0, 0) == (nothing.total_value, nothing.cost, nothing.profit)
    assert (None, None, None) == (unknown.total_value, unknown.cost, unknown.profit)
    assert (None, None) == (nothing.daily_change, unknown.daily_change)


def test_without_a_cost_there_is_no_profit_in_percent() -> None:
    """The profit is not divided by zero."""
    valued = only(held("BTC", "1", "0"), priced("BTC", "30"))

    assert (30, None) == (valued.profit, valued.profit_percent)


# Missing values


def test_a_missing_value_has_a_reason() -> None:
    """No price, no rate, no currency, or an instrument that is not followed."""
    pair = priced("EURGBP", "0.85")
    unnamed = structs.replace(INSTRUMENTS["USDJPY"], symbol="YEN", currency=None)
    unfollowed = structs.replace(held("BTC"), is_followed=False)

    assert Missing.NO_PRICE is only(held("BTC")).missing
    assert Missing.NOT_FOLLOWED is only(unfollowed).missing
    assert Missing.NO_RATE is only(held("EURGBP"), pair).missing
    assert Missing.UNKNOWN_CURRENCY is only(held(unnamed), priced("YEN", "147")).missing
    assert Decimal("0.85") == only(held("EURGBP"), pair).price
    assert None is only(held("EURGBP"), pair).value


# Currencies


def test_a_holding_has_the_worst_class_of_price_and_rate() -> None:
    """The less trusted class and the higher age."""
    rate = priced("GBPUSD", "1.25", PriceClass.INDICATIVE, at=after(-600))
    valued = only(held("EURGBP", "2", "0.5"), priced("EURGBP", "0.8", at=after(-1)), rate)

    assert (Decimal(2), Decimal("1.25")) == (valued.value, valued.cost)
    assert (PriceClass.INDICATIVE, 600.0) == (valued.price_class, valued.age_seconds)
    assert ("GBP", "GBPUSD", False) == (valued.currency, valued.rate_symbol, valued.rate_is_inverse)


# The day's change


def test_a_change_is_in_dollars() -> None:
    """It includes the change of the rate."""
    pair = priced("EURGBP", "0.8", change="0", source="x")
    rate = priced("GBPUSD", "1.5", change="50", source="x")
    valued = only(held("EURGBP", "10"), pair, rate)

    assert (12, 8, 4) == (valued.value, valued.value_before, valued.daily_change)
    assert (50, "24h") == (valued.daily_change_percent, valued.daily_change_basis)


def test_a_change_needs_the_change_of_the_rate() -> None:
    """On the same basis: neither an unknown one nor one since the previous close is used."""
    pair = priced("EURGBP", "0.8", change="0", source="x")
    untold = only(held("EURGBP"), pair, priced("GBPUSD", "1.5"))
    rate = priced("GBPUSD", "1.5", change="1", source="x")
    since_close = structs.replace(rate, change_basis=ChangeBasis.PREVIOUS_CLOSE)
    mixed = only(held("EURGBP"), pair, since_close)

    assert (None, None) == (untold.daily_change, mixed.daily_change)
    assert untold.value is not None


def test_holdings_without_a_change_are_named() -> None:
    """The total change is over the others."""
    own = portfolio(held("BTC", "1"), held("AAPL", "1"), held("ETH", "1"))
    quotes = by_symbol(priced("BTC", "110", opened="100"), priced("AAPL", "5", opened="4"))
    valuation = value(own, quotes, START)

    assert (10, 10) == (valuation.daily_change, valuation.daily_change_percent)
    assert ("AAPL", "ETH") == valuation.no_daily_change


def test_an_age_is_never_negative() -> None:
    """A price from the future has the age zero."""
    assert 0 == only(held("BTC"), priced("BTC", "1", at=after(1))).age_seconds


def test_it_needs_no_app() -> None:
    """The module imports neither Flask nor SQLAlchemy."""
    program = (
        "import sys, omcrm.portfolio.valuation as it;"
        "sys.exit(bool({'flask', 'sqlalchemy'} & sys.modules.keys()))"
    )

    assert 0 == subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode


# Coverage


OWN = portfolio(held("BTC", "2"), held("ETH", "1"), held("SOL", "1"), held("ADA", "1"))
QUOTES = by_symbol(
    priced("BTC", "30", at=after(-2)),
    priced("ETH", "40", PriceClass.STALE, at=after(-60)),
    priced("SOL", "7", PriceClass.LAST_RESORT, at=after(-9000)),
)


def test_every_class_has_a_rank() -> None:
    """Of two classes the less trusted one is returned."""
    assert set(PriceClass) == set(TRUST)
    assert PriceClass.STALE is worst_class(PriceClass.LIVE, PriceClass.STALE)
    assert PriceClass.LAST_RESORT is worst_class(PriceClass.LAST_RESORT, PriceClass.SIMULATED)
    assert PriceClass.LIVE is worst_class(PriceClass.LIVE, None)


def test_shares_of_classes() -> None:
    """Sixty of a hundred dollars are live; a last-resort price is not counted in the shares."""
    coverage = value(OWN, QUOTES, START).coverage

    assert Decimal(60) == coverage.live_percent
    assert [
        (PriceClass.LIVE, 1, Decimal(60), True, Decimal(60)),
        (PriceClass.STALE, 1, Decimal(40), True, Decimal(40)),
        (PriceClass.LAST_RESORT, 1, Decimal(7), False, None),
    ] == [
        (share.price_class, share.count, share.value, share.is_counted, share.share_percent)
        for share in coverage.classes
    ]


def test_the_oldest_price_and_missing_values() -> None:
    """Fixed prices are not the oldest; a missing value has its reason."""
    coverage = value(OWN, QUOTES, START).coverage

    assert ("ETH", 60.0) == (coverage.oldest.symbol, coverage.oldest.age_seconds)
    assert (MissingValue(symbol="ADA", reason="no_price"),) == coverage.missing
    assert not coverage.is_complete


def test_where_nothing_counts_the_live_share_is_none() -> None:
    """It is unknown, not zero."""
    coverage = value(portfolio(held("SOL")), QUOTES, START).coverage

    assert (None, None, False) == (coverage.live_percent, coverage.oldest, coverage.is_complete)


def test_an_empty_portfolio_is_complete() -> None:
    """It needs no price."""
    coverage = value(portfolio(), QUOTES, START).coverage

    assert (None, True, (), ()) == (
        coverage.live_percent,
        coverage.is_complete,
        coverage.classes,
        coverage.missing,
    )


def test_a_holding_has_the_date_of_a_recording() -> None:
    """Of its price or of its currency's rate."""
    rate = structs.replace(priced("GBPUSD", "1.25", PriceClass.REPLAYED), recorded_at=START)
    own, quotes = portfolio(held("EURGBP")), by_symbol(priced("EURGBP", "0.8"), rate)
    (holding,) = value(own, quotes, START, demo=True).holdings

    assert (PriceClass.REPLAYED, START) == (holding.price_class, holding.recorded_at)
