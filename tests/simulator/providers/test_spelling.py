import pytest

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from simulator.listing import Listing
from simulator.model import Model
from simulator.providers.spelling import (
    dashed,
    find,
    is_coin,
    is_currency,
    is_stock,
    slashed,
)
from simulator.simulation import Simulation
from simulator.stream_subscriptions import StreamSubscriptions

KINDS = {AssetClass.CRYPTO: is_coin, AssetClass.STOCK: is_stock, AssetClass.FOREX: is_currency}


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.symbol)
def test_everything_listed_is_of_one_kind(item) -> None:  # type: ignore[no-untyped-def]
    """A coin, a share or a pair of currencies, as in the catalogue."""
    listing = Model(item, 7).listing

    assert [KINDS[item.asset_class]] == [kind for kind in KINDS.values() if kind(listing)]


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        (Listing("BTCUSDT", "BTC", "USDT"), ("BTC-USD", "BTC/USD")),
        (Listing("ETHUSDC", "ETH", "USDC"), ("ETH-USD", "ETH/USD")),
        (Listing("AAPL", "AAPL", "USD"), (None, None)),
        (Listing("EURUSD", "EUR", "USD"), (None, None)),
        (Listing("USDJPY", "USD", "JPY"), (None, None)),
    ],
)
def test_coins_are_in_dollars(listing: Listing, names: tuple[str | None, str | None]) -> None:
    """Whatever stablecoin Binance uses; other classes have no such name."""
    assert names == (dashed(listing), slashed(listing))


def test_finds_by_name() -> None:
    """By the provider's spelling only."""
    source = Simulation(7, StreamSubscriptions())
    listing = find(source, dashed, "POL-USD")

    assert listing is source.listings["POLUSDT"]
    assert listing is find(source, slashed, "POL/USD")
    for name in ("POLUSDT", "pol-usd", "POL/USD", "AAPL-USD", "", "None"):
        assert find(source, dashed, name) is None
