import pytest

from omcrm.market.price_class import PriceClass


@pytest.mark.parametrize("price_class", PriceClass)
def test_only_live_prices_may_fill(price_class: PriceClass) -> None:
    """An order of a real account is filled at a live price or not at all."""
    assert (price_class is PriceClass.LIVE) is price_class.may_fill


@pytest.mark.parametrize(
    ("price_class", "fresh"),
    [
        (PriceClass.LIVE, True),
        (PriceClass.DELAYED, True),
        (PriceClass.INDICATIVE, True),
        (PriceClass.CLOSED, True),
        (PriceClass.SIMULATED, True),
        (PriceClass.REPLAYED, True),
        (PriceClass.STALE, False),
        (PriceClass.LAST_RESORT, False),
    ],
)
def test_stale_and_last_resort_prices_are_not_fresh(price_class: PriceClass, fresh: bool) -> None:
    """Every class is fresh but stale and last resort."""
    assert fresh is price_class.is_fresh


def test_the_values_of_price_classes_do_not_change() -> None:
    """A class is written as the value that users and programs read."""
    assert "last_resort" == f"{PriceClass.LAST_RESORT}"
    assert [
        "live",
        "delayed",
        "indicative",
        "closed",
        "stale",
        "last_resort",
        "simulated",
        "replayed",
    ] == [price_class.value for price_class in PriceClass]
