from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from simulator.fixed import ONE
from simulator.model_profile import PROFILES, names

NAMES = {item.symbol: names(item) for item in CATALOGUE}


def test_instruments_are_listed_under_the_upstreams_names() -> None:
    """Coins are pairs with USDT, MATIC is POL, stocks and currencies keep their names."""

    assert ("BTCUSDT", "BTC", "USDT") == NAMES["BTC"]
    assert ("POLUSDT", "POL", "USDT") == NAMES["MATIC"]
    assert ("AAPL", "AAPL", "USD") == NAMES["AAPL"]
    assert ("USDJPY", "USD", "JPY") == NAMES["USDJPY"]


def test_typical_trades_have_the_same_value_at_any_price() -> None:
    """An expensive coin trades in small quantities; a trade is never zero."""
    coin, stock = PROFILES[AssetClass.CRYPTO], PROFILES[AssetClass.STOCK]

    assert 1456 == coin.typical_steps(61800 * ONE, 1000)
    assert 1 == stock.typical_steps(10**6 * ONE, ONE)
