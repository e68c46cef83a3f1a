"""The time of the model's market: the wall clock's, or ahead of it, or faster."""

import time

from msgspec import Struct

MS = 1_000_000


class MarketClock(Struct, frozen=True):
    """A clock `ahead` seconds ahead of the wall's, and since the wall's Unix second `since` `fast`
    times as fast."""

    ahead: float = 0.0
    fast: float = 1.0
    since: float = 0.0

    def now(self) -> int:
        """Give the market's time in ms."""
        wall = time.time_ns() // MS
        gained = max(0.0, wall - self.since * 1000) * (self.fast - 1)
        return wall + round(self.ahead * 1000 + gained)
