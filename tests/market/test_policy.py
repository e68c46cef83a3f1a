from datetime import timedelta
from decimal import Decimal

import pytest

from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from tests.values import after, source_quote, trade

POLICY = Policy(("somewhere",), timedelta(seconds=10), Decimal("0.1"))
LIVE, STALE, CLOSED = PriceClass.LIVE, PriceClass.STALE, PriceClass.CLOSED
DELAYED, INDICATIVE = PriceClass.DELAYED, PriceClass.INDICATIVE
SIMULATED, LAST_RESORT = PriceClass.SIMULATED, PriceClass.LAST_RESORT


@pytest.mark.parametrize(
    ("claim", "age", "streaming", "market_open", "shown"),
    [
        (LIVE, 0, True, True, LIVE),
        (LIVE, 10, True, True, LIVE),
        (LIVE, 10.001, True, True, STALE),
        (LIVE, 0, False, True, STALE),
        (LIVE, 0, True, False, CLOSED),
        (LIVE, 3600, False, False, CLOSED),
        (SIMULATED, 10, True, True, SIMULATED),
        (SIMULATED, 10.001, True, True, STALE),
        (SIMULATED, 0, False, True, STALE),
        (SIMULATED, 0, True, False, SIMULATED),
        (DELAYED, 3600, False, True, DELAYED),
        (DELAYED, 0, True, False, DELAYED),
        (INDICATIVE, 86400, False, True, INDICATIVE),
        (INDICATIVE, 86400, False, False, INDICATIVE),
        (LAST_RESORT, 0, True, True, LAST_RESORT),
        (LAST_RESORT, 86400, False, False, LAST_RESORT),
    ],
)
def test_class_follows_from_claim_age_connection_and_session(
    claim: PriceClass, age: float, streaming: bool, market_open: bool, shown: PriceClass
) -> None:
    """A price is never classed better than claim, age, connection and session allow."""
    held = source_quote(trade("1"), source=Source("somewhere", claim))

    assert shown is POLICY.classify(held, after(age), streaming=streaming, market_open=market_open)


@pytest.mark.parametrize("asset_class", AssetClass)
def test_every_asset_class_has_its_policy(asset_class: AssetClass) -> None:
    """Simulated and last-resort prices are the last sources of every policy."""
    policy = POLICIES[asset_class]

    assert ("simulated", "last_resort") == policy.sources[-2:]
    assert timedelta(0) < policy.max_age <= timedelta(minutes=1)
    assert 0 < policy.max_deviation < 1
