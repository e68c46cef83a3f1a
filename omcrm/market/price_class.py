"""How far a price may be trusted."""

from enum import StrEnum


class PriceClass(StrEnum):
    """What a price is good for; `live` is the only one that may fill an order."""

    LIVE = "live"
    DELAYED = "delayed"
    INDICATIVE = "indicative"
    CLOSED = "closed"
    STALE = "stale"
    LAST_RESORT = "last_resort"
    SIMULATED = "simulated"
    REPLAYED = "replayed"

    @property
    def may_fill(self) -> bool:
        """Whether an order of a real account may be filled at this price."""
        return self is PriceClass.LIVE

    @property
    def is_fresh(self) -> bool:
        """Whether the price says what its source would say now."""
        return self is not STALE and self is not LAST_RESORT


# For the path of every price: before Python 3.12, a member of an enum is looked up as slowly as a
# function is called.
LIVE, STALE = PriceClass.LIVE, PriceClass.STALE
LAST_RESORT, SIMULATED = PriceClass.LAST_RESORT, PriceClass.SIMULATED
