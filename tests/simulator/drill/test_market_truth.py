from datetime import UTC, datetime

from omcrm.market.catalogue import CATALOGUE
from simulator.drill.market_truth import MarketTruth, ask_exchange
from tests.processes import Exchange


def test_the_truth_is_what_the_market_was_since_the_last_call(exchange: Exchange) -> None:
    """By the symbols of the catalogue; the exchange's own state can be asked for as well."""
    instruments = [item for item in CATALOGUE if item.symbol in ("BTC", "ETH")]
    truth = MarketTruth(exchange.url, instruments, datetime.now(UTC))
    ranges = truth.ask()

    assert {"BTC", "ETH"} >= set(ranges)
    assert all(item.low <= item.last <= item.high for item in truth.ask().values())
    assert "venues" in ask_exchange(exchange.url, "GET", "/control")
