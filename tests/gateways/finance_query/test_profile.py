from decimal import Decimal

from omcrm.gateways.finance_query.profile import profile, similar
from omcrm.gateways.finance_query.row import instrument_figures
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from tests.gateways.finance_query.samples import figures_of, share
from tests.values import START, sent

BY_SYMBOL = {instrument.symbol: instrument for instrument in CATALOGUE}
KNOWN = YearFigures(
    year_high=Decimal("420.5"), year_low=Decimal("300"), average_volume=Decimal("1234567.4")
)


def test_a_profile_has_every_field() -> None:
    """Known values, and null for the others."""
    fields = sent(
        profile(figures_of("AAPL", "398.09", "397.15", "1200", AssetClass.STOCK), KNOWN, START)
    )

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
    }.items() <= fields.items()
    nothing = ("marketCap", "beta", "pe", "eps", "dividend", "yield", "about", "employees", "logo")
    assert {None} == {fields[key] for key in nothing}
    assert "preMarketPrice" not in fields


def test_the_year_ends_now() -> None:
    """A price of today may be the highest of the year."""
    fields = profile(figures_of("AAPL", "500", "450", kind=AssetClass.STOCK), KNOWN, START)

    assert ("500.00", "300.00") == (fields.yearHigh, fields.yearLow)


def test_simulated_and_real_prices_are_not_mixed() -> None:
    """A real price has no simulated year; a simulated price has one."""
    simulated = YearFigures(year_high=Decimal(9), year_low=Decimal(1), is_simulated=True)
    real = profile(figures_of("AAPL", "5", "4", kind=AssetClass.STOCK), simulated, START)
    invented = figures_of("AAPL", "5", "4", kind=AssetClass.STOCK, price_class=PriceClass.SIMULATED)

    assert None is real.yearHigh
    assert "9.00" == profile(invented, simulated, START).yearHigh


def test_a_company_is_known_without_a_price() -> None:
    """The sector is set, the price and the year are None."""
    fields = profile(instrument_figures(share(), None), YearFigures(), START)

    assert ("Technology", None, None) == (fields.sector, fields.price, fields.yearHigh)


def test_similar_instruments_are_of_the_same_sector() -> None:
    """Or of the same class, where no other instrument is in the sector or it has none."""
    others = {name: similar(BY_SYMBOL[name], CATALOGUE) for name in ("AAPL", "JPM", "EURUSD")}

    assert ["MSFT", "NVDA"] == others["AAPL"]
    assert 7 == len(others["JPM"])
    assert "EURUSD" not in others["EURUSD"]
    assert {AssetClass.FOREX} == {BY_SYMBOL[other].asset_class for other in others["EURUSD"]}
