import pytest

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass, Instrument

SYMBOLS = {
    AssetClass.CRYPTO: "BTC ETH SOL BNB ADA DOT AVAX MATIC",
    AssetClass.STOCK: "AAPL MSFT GOOGL AMZN TSLA META NVDA JPM",
    AssetClass.FOREX: "EURUSD GBPUSD USDJPY AUDUSD USDCAD USDCHF NZDUSD EURGBP",
}


@pytest.mark.parametrize("asset_class", AssetClass)
def test_has_eight_instruments_of_each_class(asset_class: AssetClass) -> None:
    """A new installation follows these, in this order."""
    symbols = [each.symbol for each in CATALOGUE if each.asset_class is asset_class]

    assert SYMBOLS[asset_class].split() == symbols


def test_has_nothing_else() -> None:
    """There are twenty-four."""
    assert 24 == len(CATALOGUE) == len({each.symbol for each in CATALOGUE})


def test_coins_are_pairs_with_tether_at_binance() -> None:
    """Each coin is known upstream by its own pair; MATIC by that of POL, which replaced it."""
    pairs = {
        each.symbol: each.provider_symbols["binance"]
        for each in CATALOGUE
        if each.asset_class is AssetClass.CRYPTO
    }

    assert {
        "BTC": "btcusdt",
        "ETH": "ethusdt",
        "SOL": "solusdt",
        "BNB": "bnbusdt",
        "ADA": "adausdt",
        "DOT": "dotusdt",
        "AVAX": "avaxusdt",
        "MATIC": "polusdt",
    } == pairs


@pytest.mark.parametrize("each", CATALOGUE, ids=lambda each: each.symbol)
def test_each_can_be_shown_and_simulated(each: Instrument) -> None:
    """Every instrument has a name, a last resort within its decimals, and a simulated stream."""
    price = each.last_resort_price

    assert each.name
    assert price is not None
    assert 0 < price == round(price, each.decimals)
    assert each.provider_symbols["simulated"].isalnum()
    assert each.provider_symbols["simulated"].islower()


@pytest.mark.parametrize("source", ["binance", "simulated"])
def test_no_two_share_a_stream(source: str) -> None:
    """What an upstream says about one name is about one instrument."""
    names = [each.provider_symbols[source] for each in CATALOGUE if source in each.provider_symbols]

    assert len(set(names)) == len(names)
