"""Rate limits of users, counted in this process."""

import time
from math import ceil

from limits import RateLimitItem
from msgspec import Struct

from omcrm.extensions import limiter


class UserRateLimit(Struct, frozen=True):
    """How often each user, address or credential may perform an action."""

    action: str
    limit: RateLimitItem

    def wait(self, key: str) -> int:
        """0 if one more is allowed for `key`, else the seconds until it is."""
        if limiter.limiter.test(self.limit, self.action, key):
            return 0
        reset_at, _ = limiter.limiter.get_window_stats(self.limit, self.action, key)
        return max(1, ceil(reset_at - time.time()))

    def spend(self, key: str) -> int:
        """Count one more for `key`: 0 if it is allowed, else the seconds to wait."""
        return 0 if limiter.limiter.hit(self.limit, self.action, key) else self.wait(key) or 1
