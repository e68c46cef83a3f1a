from decimal import Decimal

from omcrm.gateways.finance_query.sectors import company, sectors
from omcrm.gateways.finance_query.year_figures import ReturnPeriod, YearFigures
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.price_class import PriceClass
from tests.gateways.finance_query.samples import share, stands
from tests.values import instrument

AAPL = stands("AAPL", "102", "100", kind=AssetClass.STOCK)
MSFT = stands("MSFT", "101", "100", kind=AssetClass.STOCK)
JPM = stands("JPM", "99", "100", kind=AssetClass.STOCK, price_class=PriceClass.STALE)
COIN = stands("BTC", "2", "1")


def nothing(of: Instrument) -> YearFigures:
    return YearFigures()


def test_a_sector_is_the_average_of_its_companies() -> None:
    """In the alphabet's order; what is stale or has no history has no return."""
    told = sectors([COIN, AAPL, MSFT, JPM], nothing)

    assert ["Financial Services", "Technology"] == list(told)
    assert {
        "sector": "Technology",
        "dayReturn": "+1.50%",
        "ytdReturn": None,
        "yearReturn": None,
        "threeYearReturn": None,
        "fiveYearReturn": None,
        "simulated": False,
    } == told["Technology"]
    assert None is told["Financial Services"]["dayReturn"]


def test_longer_returns_need_the_history_of_every_member() -> None:
    """An average of some of them would be that of another sector."""
    pasts = {
        "AAPL": YearFigures(
            returns={ReturnPeriod.YEAR_TO_DATE: Decimal(10), ReturnPeriod.YEAR: Decimal(30)}
        ),
        "MSFT": YearFigures(returns={ReturnPeriod.YEAR_TO_DATE: Decimal(-4)}),
    }
    told = sectors([AAPL, MSFT], lambda of: pasts[of.symbol])["Technology"]

    assert ("+3.00%", None) == (told["ytdReturn"], told["yearReturn"])


def test_invented_prices_are_called_so() -> None:
    """Of today or of the past."""
    invented = stands("AAPL", "2", "1", kind=AssetClass.STOCK, price_class=PriceClass.SIMULATED)

    assert sectors([invented, MSFT], nothing)["Technology"]["simulated"]
    assert sectors([MSFT], lambda of: YearFigures(is_simulated=True))["Technology"]["simulated"]


def test_only_shares_are_of_companies() -> None:
    """A coin that is spelled like a share has no sector, nor has a share that nobody described."""
    assert "Technology" == getattr(company(share("AAPL")), "sector", None)
    assert None is company(instrument("AAPL"))
    assert None is company(share("ZZZZ"))
