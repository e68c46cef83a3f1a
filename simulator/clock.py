"""The model's clock: the wall clock, shifted or faster."""

import time

from msgspec import Struct

MS = 1_000_000


class MarketClock(Struct, frozen=True):
    """A clock that is `ahead` seconds ahead of the wall clock, and `fast` times as fast since the
    wall's Unix second `since`."""

    ahead: float = 0.0
    fast: float = 1.0
    since: float = 0.0

    def now(self) -> int:
        """Return the market's time in ms."""
        wall = time.time_ns() // MS
        gained = max(0.0, wall - self.since * 1000) * (self.fast - 1)
        return wall + round(self.ahead * 1000 + gained)
