from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.session import Calendar, is_open
from simulator.drill.setup import ADDRESSES, DrillSetup, opening_shift, urls, venue_of
from simulator.providers import PROVIDERS
from tests.processes import wait_for

SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)


def test_every_source_has_its_venue() -> None:
    """Every source can be drilled: the exchange has the provider that its declaration names."""
    sources = {*STREAMS, *POLLS} - {"simulated"}

    assert sources <= ADDRESSES.keys()
    assert {venue_of(source) for source in sources} <= PROVIDERS.keys()


def test_addresses_are_of_the_right_kind() -> None:
    """Pushed sources have a WebSocket URL, polled ones an HTTP URL."""
    addresses = urls("ws://127.0.0.1:9")

    assert "ws://127.0.0.1:9" == addresses["binance"]
    assert addresses["coinbase"].startswith("ws://")
    assert addresses["coingecko"].startswith("http://")


def test_the_clock_is_shifted_to_open_markets() -> None:
    """On a Saturday shares are drilled at another day's hours, coins at the present time."""
    shares = [instrument for instrument in CATALOGUE if instrument.asset_class is AssetClass.STOCK]
    coins = [instrument for instrument in CATALOGUE if instrument.asset_class is AssetClass.CRYPTO]
    shift = opening_shift(shares, SATURDAY)

    assert is_open(Calendar.XNYS, SATURDAY + shift)
    assert timedelta() == opening_shift(coins, SATURDAY)


@pytest.mark.outside
@pytest.mark.parametrize("active_source", ["coinbase", "finnhub"])
def test_the_drilled_source_becomes_active(tmp_path: Path, active_source: str) -> None:
    """The source of a drill supplies its quotes, and the truth is the market's own."""
    with DrillSetup(active_source, tmp_path) as setup:
        symbol = setup.instruments[0].symbol
        cache = setup.manager.cache
        wait_for(
            lambda: (quote := cache.get(symbol)) and quote.source.name == active_source,
            20,
            active_source,
        )
        truth = setup.truth()

        assert {instrument.symbol for instrument in setup.instruments} == truth.keys()
        assert all(price > 0 for price in truth.values())
