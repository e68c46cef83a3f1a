from decimal import Decimal

import pytest

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from simulator.drill.market_history import PriceRange
from simulator.drill.processes.account import Account
from simulator.drill.processes.shown_price_check import ShownPriceCheck
from simulator.drill.processes.watching_client import ShownPrice, WatchingClient

BTC = [instrument for instrument in CATALOGUE if instrument.symbol == "BTC"]


class RisingMarket:
    """BTC rises by 1 % with each question."""

    def __init__(self) -> None:
        self.price = Decimal(100)

    def ask(self) -> dict[str, PriceRange]:
        self.price *= Decimal("1.01")
        return {"BTC": PriceRange(self.price, self.price, self.price)}


@pytest.mark.parametrize(("price_class", "expected"), [(PriceClass.LIVE, 7), (PriceClass.STALE, 0)])
def test_a_price_that_the_market_has_left_is_wrong_where_it_is_live(
    price_class: PriceClass, expected: int
) -> None:
    """Not before the maximum age of ten seconds, with what may hide it."""
    page = WatchingClient(Account(7, "", ""), ["http://127.0.0.1:1"], ["BTC"])
    check = ShownPriceCheck([page], RisingMarket(), BTC)
    for second in range(20):
        if second == 0:
            page.shown = {"BTC": ShownPrice(Decimal(101), price_class, 0.0)}
        check.check(float(second))

    assert (expected, 20) == (len(check.wrong), check.checked)
    assert all("BTC live at 101" in str(wrong) for wrong in check.wrong)


def test_a_client_without_a_connection_shows_nothing() -> None:
    """So nothing of it is checked."""
    page = WatchingClient(Account(7, "", ""), ["http://127.0.0.1:1"], ["BTC"])
    check = ShownPriceCheck([page], RisingMarket(), BTC)
    check.check(1.0)

    assert ([], 0) == (check.wrong, check.checked)
