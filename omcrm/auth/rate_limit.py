"""How often somebody may do something, counted in this process."""

import time
from math import ceil

from limits import RateLimitItem
from msgspec import Struct

from omcrm.extensions import limiter


class UserRateLimit(Struct, frozen=True):
    """So many of something for each who does it; beyond that one has to wait."""

    what: str
    limit: RateLimitItem

    def wait(self, who: str) -> int:
        """0 if one more is allowed, else the seconds until it is."""
        if limiter.limiter.test(self.limit, self.what, who):
            return 0
        reset_at, _ = limiter.limiter.get_window_stats(self.limit, self.what, who)
        return max(1, ceil(reset_at - time.time()))

    def spend(self, who: str) -> int:
        """Count one more: 0 if it was allowed, else the seconds to wait."""
        return 0 if limiter.limiter.hit(self.limit, self.what, who) else self.wait(who) or 1
