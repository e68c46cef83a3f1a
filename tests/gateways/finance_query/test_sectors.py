from decimal import Decimal

from omcrm.gateways.finance_query.sectors import company, sectors
from omcrm.gateways.finance_query.year_figures import ReturnPeriod, YearFigures
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from tests.gateways.finance_query.samples import figures_of, share
from tests.values import instrument, sent

AAPL = figures_of("AAPL", "102", "100", kind=AssetClass.STOCK)
MSFT = figures_of("MSFT", "101", "100", kind=AssetClass.STOCK)
JPM = figures_of("JPM", "99", "100", kind=AssetClass.STOCK, price_class=PriceClass.STALE)
COIN = figures_of("BTC", "2", "1")


def nothing(of: Instrument) -> YearFigures:
    return YearFigures()


def test_a_sector_is_the_average_of_its_companies() -> None:
    """In alphabetical order; without fresh quotes or closes the return is None."""
    averages = sectors([COIN, AAPL, MSFT, JPM], nothing)

    assert ["Financial Services", "Technology"] == list(averages)
    assert {
        "sector": "Technology",
        "dayReturn": "+1.50%",
        "ytdReturn": None,
        "yearReturn": None,
        "threeYearReturn": None,
        "fiveYearReturn": None,
        "simulated": False,
        "replayed": False,
    } == sent(averages["Technology"])
    assert None is averages["Financial Services"].dayReturn


def test_longer_returns_need_closes_of_every_member() -> None:
    """An average over some members only would be misleading."""
    figures = {
        "AAPL": YearFigures(
            returns={ReturnPeriod.YEAR_TO_DATE: Decimal(10), ReturnPeriod.YEAR: Decimal(30)}
        ),
        "MSFT": YearFigures(returns={ReturnPeriod.YEAR_TO_DATE: Decimal(-4)}),
    }
    averages = sectors([AAPL, MSFT], lambda of: figures[of.symbol])["Technology"]

    assert ("+3.00%", None) == (averages.ytdReturn, averages.yearReturn)


def test_simulated_prices_are_marked() -> None:
    """In quotes or in closes."""
    invented = figures_of("AAPL", "2", "1", kind=AssetClass.STOCK, price_class=PriceClass.SIMULATED)

    assert sectors([invented, MSFT], nothing)["Technology"].simulated
    assert sectors([MSFT], lambda of: YearFigures(is_simulated=True))["Technology"].simulated


def test_only_shares_have_companies() -> None:
    """A coin with the symbol of a share has no company, nor has a share without a description."""
    assert "Technology" == getattr(company(share("AAPL")), "sector", None)
    assert None is company(instrument("AAPL"))
    assert None is company(share("ZZZZ"))
