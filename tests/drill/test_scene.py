from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omcrm.drill.scene import PATHS, Scene, opening_shift, urls, venue_of
from omcrm.exchange.venues import VENUES
from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.session import is_open
from tests.processes import wait_for

SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)


def test_every_source_has_its_venue() -> None:
    """Whatever the registry knows can be drilled, and the exchange speaks for it."""
    assert {*STREAMS, *POLLS} - {"simulated"} <= PATHS.keys()
    assert {venue_of(path) for path in PATHS} <= VENUES.keys()


def test_addresses_are_of_the_right_kind() -> None:
    """What pushes is a WebSocket, what is asked is HTTP."""
    told = urls("ws://127.0.0.1:9")

    assert "ws://127.0.0.1:9" == told["binance"]
    assert told["coinbase"].startswith("ws://")
    assert told["coingecko"].startswith("http://")


def test_a_closed_market_is_visited_when_it_is_open() -> None:
    """On a Saturday shares are drilled at another day's hours, coins at the present."""
    shares = [instrument for instrument in CATALOGUE if instrument.asset_class is AssetClass.STOCK]
    coins = [instrument for instrument in CATALOGUE if instrument.asset_class is AssetClass.CRYPTO]
    shift = opening_shift(shares, SATURDAY)

    assert is_open(AssetClass.STOCK, SATURDAY + shift)
    assert timedelta() == opening_shift(coins, SATURDAY)


@pytest.mark.parametrize("speaker", ["coinbase", "finnhub"])
def test_the_speaker_speaks(tmp_path: Path, speaker: str) -> None:
    """The source of a drill is the best there is, and the truth is the market's own."""
    with Scene(speaker, tmp_path) as scene:
        symbol = scene.instruments[0].symbol
        cache = scene.manager.cache
        wait_for(lambda: (quote := cache.get(symbol)) and quote.source.name == speaker, 20, speaker)
        truth = scene.truth()

        assert {instrument.symbol for instrument in scene.instruments} == truth.keys()
        assert all(price > 0 for price in truth.values())
