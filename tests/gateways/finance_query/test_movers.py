from decimal import Decimal

from msgspec import structs

from omcrm.gateways.finance_query.movers import actives, gainers, indices, losers
from omcrm.gateways.finance_query.row import InstrumentFigures, instrument_figures
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.wire.finance_query import FinanceQueryMover
from tests.gateways.finance_query.samples import figures_of, share
from tests.values import START, sent

BTC = figures_of("BTC", "110", "100", volume="2")
ETH = figures_of("ETH", "90", "100", volume="3")
SOL = figures_of("SOL", "120", "100")
STILL = figures_of("ADA", "100", "100", volume="1")
STALE = figures_of("DOT", "900", "100", volume="1000", price_class=PriceClass.STALE)
UNKNOWN = instrument_figures(share(), None)
ALL = [UNKNOWN, STALE, STILL, BTC, ETH, SOL]


def symbols(rows: list[FinanceQueryMover]) -> list[str]:
    return [mover.symbol for mover in rows]


def test_gainers_and_losers() -> None:
    """The largest change first; unchanged and stale instruments are left out."""
    assert ["SOL", "BTC"] == symbols(gainers(ALL))
    assert ["ETH"] == symbols(losers(ALL))
    assert ("+20.00", "+20.00%") == (
        gainers(ALL)[0].change,
        gainers(ALL)[0].percentChange,
    )


def test_actives_have_the_largest_turnover() -> None:
    """Volumes of coins and shares have different units, so price times volume is compared.

    Currencies are left out: their turnover is not in dollars.
    """
    yen = figures_of("USDJPY", "147", "146", volume="1000", kind=AssetClass.FOREX)

    assert ["ETH", "BTC", "ADA"] == symbols(actives([*ALL, yen]))


def test_without_prices_there_are_no_movers() -> None:
    """The lists are empty."""
    assert [[], [], []] == [ranking([UNKNOWN]) for ranking in (actives, gainers, losers)]


def test_lists_of_movers_are_limited() -> None:
    """A large catalogue does not make a large message."""
    many = [figures_of(f"C{number}", "2", "1", volume="1") for number in range(60)]

    assert [25, 25] == [len(ranking(many)) for ranking in (actives, gainers)]


def test_an_index_is_the_average_of_known_changes() -> None:
    """Its value is a number; without any price it is None."""
    assert [
        {
            "name": "Stocks average (previous = 100)",
            "value": None,
            "change": None,
            "percentChange": None,
            "simulated": False,
            "replayed": False,
        },
        {
            "name": "Crypto average (previous = 100)",
            "value": Decimal("105.00"),
            "change": "+5.00",
            "percentChange": "+5.00%",
            "simulated": False,
            "replayed": False,
        },
    ] == sent(indices([UNKNOWN, STALE, STILL, BTC, ETH, SOL]))


def test_an_index_of_simulated_prices_is_marked() -> None:
    """One simulated price is enough; currencies have no index."""
    invented = figures_of("BTC", "2", "1", price_class=PriceClass.SIMULATED)
    euro = figures_of("EURUSD", "2", "1", kind=AssetClass.FOREX)

    assert [True] == [index.simulated for index in indices([invented, SOL, euro])]


def test_equal_changes_keep_the_order_of_the_catalogue() -> None:
    """The order is stable."""
    alike: list[InstrumentFigures] = [
        figures_of(name, "2", "1", volume="1") for name in ("Z", "A", "M")
    ]

    assert ["Z", "A", "M"] == symbols(gainers(alike)) == symbols(actives(alike))


def test_an_index_of_replayed_prices_is_marked() -> None:
    """One price of a recording is enough."""
    replayed = structs.replace(BTC, quote=structs.replace(BTC.quote, recorded_at=START))

    assert [True] == [index.replayed for index in indices([replayed, SOL])]
    assert [False] == [index.replayed for index in indices([BTC, SOL])]
