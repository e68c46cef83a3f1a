from decimal import Decimal

from omcrm.market.price_class import PriceClass
from omcrm.portfolio.coverage import TRUST, MissingValue, worst_class
from omcrm.portfolio.valuation import value
from tests.portfolio.own import by_symbol, held, portfolio, priced
from tests.values import START, after

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
