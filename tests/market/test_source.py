import pytest

from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, HealthState, Source


@pytest.mark.parametrize("claim", [PriceClass.LIVE, PriceClass.DELAYED, PriceClass.INDICATIVE])
def test_a_market_is_real(claim: PriceClass) -> None:
    """What a market says is real, however late it says it."""
    assert Source("somewhere", claim).is_real


@pytest.mark.parametrize("source", [SIMULATED, LAST_RESORT])
def test_what_this_installation_makes_up_is_not_real(source: Source) -> None:
    """Neither the built-in exchange nor a hard-coded price comes from a market."""
    assert not source.is_real


def test_inventions_are_named_after_their_class() -> None:
    """Who reads the source knows what the price is worth."""
    assert ("simulated", "last_resort") == (SIMULATED.name, LAST_RESORT.name)
    assert ("simulated", "last_resort") == (SIMULATED.claim, LAST_RESORT.claim)


def test_condition_is_written_as_its_word() -> None:
    """A condition is the word that is shown."""
    assert ["off", "pending", "healthy", "down"] == [condition.value for condition in HealthState]
