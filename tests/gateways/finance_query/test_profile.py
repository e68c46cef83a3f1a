from decimal import Decimal

from omcrm.gateways.finance_query.profile import profile, similar
from omcrm.gateways.finance_query.row import standing
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from tests.gateways.finance_query.samples import share, stands
from tests.values import START

BY_SYMBOL = {instrument.symbol: instrument for instrument in CATALOGUE}
KNOWN = YearFigures(
    year_high=Decimal("420.5"), year_low=Decimal("300"), average_volume=Decimal("1234567.4")
)


def test_a_profile_tells_what_is_known() -> None:
    """And null for the rest, with every key of the contract."""
    told = profile(stands("AAPL", "398.09", "397.15", "1200", AssetClass.STOCK), KNOWN, START)

    assert {
        "price": "398.09",
        "change": "+0.94",
        "open": "397.15",
        "high": None,
        "low": None,
        "volume": "1200",
        "yearHigh": "420.50",
        "yearLow": "300.00",
        "avgVolume": "1234567",
        "sector": "Technology",
        "industry": "Consumer Electronics",
    }.items() <= told.items()
    nothing = ("marketCap", "beta", "pe", "eps", "dividend", "yield", "about", "employees", "logo")
    assert {None} == {told[key] for key in nothing}
    assert "preMarketPrice" not in told


def test_the_year_ends_now() -> None:
    """A price of today may be its highest."""
    told = profile(stands("AAPL", "500", "450", kind=AssetClass.STOCK), KNOWN, START)

    assert ("500.00", "300.00") == (told["yearHigh"], told["yearLow"])


def test_a_year_of_invented_prices_is_none_of_a_real_one() -> None:
    """Nor the other way round."""
    past = YearFigures(year_high=Decimal(9), year_low=Decimal(1), is_simulated=True)
    real = profile(stands("AAPL", "5", "4", kind=AssetClass.STOCK), past, START)
    invented = stands("AAPL", "5", "4", kind=AssetClass.STOCK, price_class=PriceClass.SIMULATED)

    assert None is real["yearHigh"]
    assert "9.00" == profile(invented, past, START)["yearHigh"]


def test_without_a_price_the_facts_are_known() -> None:
    """A company has its sector whether somebody quotes it or not."""
    told = profile(standing(share(), None), YearFigures(), START)

    assert ("Technology", None, None) == (told["sector"], told["price"], told["yearHigh"])


def test_similar_are_those_of_the_sector() -> None:
    """Where nobody else is in it, or there is none, those of the class."""
    others = {name: similar(BY_SYMBOL[name], CATALOGUE) for name in ("AAPL", "JPM", "EURUSD")}

    assert ["MSFT", "NVDA"] == others["AAPL"]
    assert 7 == len(others["JPM"])
    assert "EURUSD" not in others["EURUSD"]
    assert {AssetClass.FOREX} == {BY_SYMBOL[other].asset_class for other in others["EURUSD"]}
