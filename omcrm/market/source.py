"""Where a price comes from, and how its source is doing."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from omcrm.market import price_class
from omcrm.market.price_class import PriceClass


class Source(Struct, frozen=True, array_like=True):
    """One origin of prices; `claim` is the best class its prices can have.

    `max_age` is the maximum age of a price that was asked for, in trading time; streamed prices
    have the maximum age of their asset class.
    """

    name: str
    claim: PriceClass
    max_age: timedelta | None = None

    @property
    def is_real(self) -> bool:
        """Whether its prices come from a market rather than from this installation."""
        claim = self.claim
        return claim is not price_class.LAST_RESORT and claim is not price_class.SIMULATED


class HealthState(StrEnum):
    """How a source is doing."""

    OFF = "off"
    PENDING = "pending"
    HEALTHY = "healthy"
    DOWN = "down"


HEALTHY = HealthState.HEALTHY
SIMULATED = Source("simulated", PriceClass.SIMULATED)
LAST_RESORT = Source("last_resort", PriceClass.LAST_RESORT)
