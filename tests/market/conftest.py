"""Fixtures of the market tests: consolidators, a validator and a share."""

import pytest

from omcrm.market.validation import Validator
from tests.conftest import ManualClock
from tests.market.share import Share
from tests.market.whole_market import HEALTHY, Market


@pytest.fixture
def market(clock: ManualClock) -> Market:
    """A consolidator that follows BTC, ETH and AAPL on a Wednesday morning, without quotes."""
    return Market(clock)


@pytest.fixture
def streaming(market: Market) -> Market:
    """The same market with Binance healthy."""
    market.set_health(HEALTHY)
    return market


@pytest.fixture
def validator() -> Validator:
    """A validator that has validated nothing yet."""
    return Validator()


@pytest.fixture
def share() -> Share:
    """The share at Alpaca, last traded at 399 by trade 1."""
    share = Share()
    share.trade("399", "@", number=1)
    return share
