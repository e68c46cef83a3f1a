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
        return self not in (PriceClass.STALE, PriceClass.LAST_RESORT)
