import pytest

from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, Source


@pytest.mark.parametrize("claim", [PriceClass.LIVE, PriceClass.DELAYED, PriceClass.INDICATIVE])
def test_a_source_of_market_prices_is_real(claim: PriceClass) -> None:
    """Live, delayed and indicative sources are real."""
    assert Source("somewhere", claim).is_real


@pytest.mark.parametrize("source", [SIMULATED, LAST_RESORT])
def test_invented_sources_are_not_real(source: Source) -> None:
    """The simulated source and the last resort are not real."""
    assert not source.is_real


def test_invented_sources_are_named_after_their_class() -> None:
    """The name of an invented source is its price class."""
    assert ("simulated", "last_resort") == (SIMULATED.name, LAST_RESORT.name)
    assert ("simulated", "last_resort") == (SIMULATED.claim, LAST_RESORT.claim)
