"""The markets that the cache's tests begin with."""

import pytest

from omcrm.market.validation import Validator
from tests.conftest import ManualClock
from tests.market.whole_market import HEALTHY, Market


@pytest.fixture
def market(clock: ManualClock) -> Market:
    """An empty cache that follows BTC, ETH and AAPL on a Wednesday morning."""
    return Market(clock)


@pytest.fixture
def streaming(market: Market) -> Market:
    """The same, with Binance connected."""
    market.set_health(HEALTHY)
    return market


@pytest.fixture
def validator() -> Validator:
    """A gate that has judged nothing yet."""
    return Validator()
