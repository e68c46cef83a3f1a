from decimal import Decimal

import pytest

from simulator.drill.market_history import MarketHistory, PriceRange


def at(price: int) -> PriceRange:
    """A price that did not move."""
    return PriceRange(Decimal(price), Decimal(price), Decimal(price))


def history() -> MarketHistory:
    """BTC at 100 to 104, one a second."""
    noted = MarketHistory(60.0)
    for second in range(5):
        noted.note({"BTC": at(100 + second)}, float(second))
    return noted


@pytest.mark.parametrize(
    ("price", "since", "expected"),
    [
        ("100", 0.0, True),
        ("102.5", 0.0, True),
        ("98.9", 0.0, False),
        ("105.1", 0.0, False),
        ("100.9", 2.0, False),
        ("101.5", 2.0, True),
        ("90", 9.0, False),
        ("104", 9.0, True),
    ],
)
def test_a_price_was_the_market_s_within_its_range(
    price: str, since: float, expected: bool
) -> None:
    """Since that time, to within one percent; after the newest price that one counts."""
    assert expected is history().has_been("BTC", Decimal(price), since, Decimal("0.01"))


def test_what_is_not_known_is_not_contradicted() -> None:
    """The prices of another symbol."""
    assert history().has_been("ETH", Decimal(1), 0.0, Decimal(0))
    assert history().last("ETH") is None


def test_old_prices_are_forgotten() -> None:
    """The newest one is kept."""
    noted = history()
    noted.note({"BTC": at(200)}, 63.5)

    assert not noted.has_been("BTC", Decimal(103), 0.0, Decimal(0))
    assert noted.has_been("BTC", Decimal(104), 0.0, Decimal(0))
    assert Decimal(200) == noted.last("BTC")


def test_what_happened_between_two_looks_counts() -> None:
    """The market was at its low and high, though it was never seen there."""
    noted = history()
    noted.note({"BTC": PriceRange(Decimal(90), Decimal(120), Decimal(105))}, 5.0)

    assert noted.has_been("BTC", Decimal(91), 4.5, Decimal(0))
    assert noted.has_been("BTC", Decimal(119), 4.5, Decimal(0))
    assert Decimal(105) == noted.last("BTC")
