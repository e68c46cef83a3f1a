from decimal import Decimal
from typing import Any

from omcrm.gateways.finance_query.movers import actives, gainers, indices, losers
from omcrm.gateways.finance_query.row import InstrumentFigures, standing
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from tests.gateways.finance_query.samples import share, stands

BTC = stands("BTC", "110", "100", volume="2")
ETH = stands("ETH", "90", "100", volume="3")
SOL = stands("SOL", "120", "100")
STILL = stands("ADA", "100", "100", volume="1")
STALE = stands("DOT", "900", "100", volume="1000", price_class=PriceClass.STALE)
UNKNOWN = standing(share(), None)
ALL = [UNKNOWN, STALE, STILL, BTC, ETH, SOL]


def symbols(told: list[dict[str, Any]]) -> list[str]:
    return [mover["symbol"] for mover in told]


def test_gainers_and_losers() -> None:
    """The furthest first; neither what stands still nor what moved at another time is one."""
    assert ["SOL", "BTC"] == symbols(gainers(ALL))
    assert ["ETH"] == symbols(losers(ALL))
    assert ("+20.00", "+20.00%") == (
        gainers(ALL)[0]["change"],
        gainers(ALL)[0]["percentChange"],
    )


def test_actives_are_those_for_which_most_was_paid() -> None:
    """Coins and shares are counted in different units: price times volume compares them.

    That of yen is in yen, so currencies are none.
    """
    yen = stands("USDJPY", "147", "146", volume="1000", kind=AssetClass.FOREX)

    assert ["ETH", "BTC", "ADA"] == symbols(actives([*ALL, yen]))


def test_of_nothing_there_are_no_movers() -> None:
    """An installation without prices says so."""
    assert [[], [], []] == [ranking([UNKNOWN]) for ranking in (actives, gainers, losers)]


def test_there_are_not_too_many() -> None:
    """A large catalogue does not make a large message."""
    many = [stands(f"C{number}", "2", "1", volume="1") for number in range(60)]

    assert [25, 25] == [len(ranking(many)) for ranking in (actives, gainers)]


def test_an_index_is_the_average_of_what_is_known() -> None:
    """Its value is a number; of shares without a price nothing is known."""
    assert [
        {
            "name": "Stocks average (previous = 100)",
            "value": None,
            "change": None,
            "percentChange": None,
            "simulated": False,
        },
        {
            "name": "Crypto average (previous = 100)",
            "value": Decimal("105.00"),
            "change": "+5.00",
            "percentChange": "+5.00%",
            "simulated": False,
        },
    ] == indices([UNKNOWN, STALE, STILL, BTC, ETH, SOL])


def test_an_index_of_invented_prices_says_so() -> None:
    """One is enough; and currencies have no index."""
    invented = stands("BTC", "2", "1", price_class=PriceClass.SIMULATED)
    euro = stands("EURUSD", "2", "1", kind=AssetClass.FOREX)

    assert [True] == [index["simulated"] for index in indices([invented, SOL, euro])]


def test_the_order_of_equals_is_the_catalogues() -> None:
    """Nothing changes places by chance."""
    alike: list[InstrumentFigures] = [
        stands(name, "2", "1", volume="1") for name in ("Z", "A", "M")
    ]

    assert ["Z", "A", "M"] == symbols(gainers(alike)) == symbols(actives(alike))
