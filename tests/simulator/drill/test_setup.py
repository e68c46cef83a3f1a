from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.session import Calendar, is_open
from simulator.drill.setup import (
    ADDRESSES,
    DrillSetup,
    closing_shift,
    opening_shift,
    urls,
    venue_of,
)
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


def test_the_clock_is_shifted_to_a_close() -> None:
    """That of shares comes before that of the forex week; coins have none."""
    some = [item for item in CATALOGUE if item.symbol in {"AAPL", "EURUSD", "BTC"}]
    shifted = SATURDAY + closing_shift(some, SATURDAY, 90.0)
    coins = [item for item in some if item.asset_class is AssetClass.CRYPTO]

    assert is_open(Calendar.XNYS, shifted + timedelta(seconds=89))
    assert not is_open(Calendar.XNYS, shifted + timedelta(seconds=91))
    assert is_open(Calendar.FOREX, shifted + timedelta(seconds=91))
    with pytest.raises(ValueError, match="none of these markets"):
        closing_shift(coins, SATURDAY, 90.0)


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
        assert {active_source} == setup.erring(1)
        assert all(item.low > 0 for item in truth.values())


@pytest.mark.outside
def test_a_drill_may_have_so_many_streams(tmp_path: Path) -> None:
    """The next ones of each policy, and none over HTTP."""
    with DrillSetup("kraken", tmp_path, streams=2, swings=True) as setup:
        wait_for(setup.all_streaming, what="all streams")
        streams = {item.symbol: setup.streams_of(item) for item in setup.instruments}
        status = setup.manager.status()

    assert ["kraken", "okx"] == streams["BTC"]
    assert ["kraken", "finnhub"] == streams["EURUSD"]
    assert {"kraken", "okx", "finnhub"} == setup.erring(2) == status.keys()
