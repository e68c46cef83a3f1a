"""Where the rate limits are counted in an installation of several processes."""

import time

from limits.storage import MemoryStorage

from omcrm.engine.shared_counts import SharedCounts

_PREFIX = "bus+"


def storage_uri(bus_url: str) -> str:
    """What the limiter is configured with: shared counts, or this process's memory."""
    return _PREFIX + bus_url if bus_url else "memory://"


class SharedStorage(MemoryStorage):
    """Counts in all processes together, and always in this one as well.

    While the others are not reached, its own count decides: it then knows what was counted here
    before.
    """

    STORAGE_SCHEME = ["bus+redis", "bus+rediss"]  # noqa: RUF012

    def __init__(self, uri: str, wrap_exceptions: bool = False, **_: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._counts = SharedCounts(uri.removeprefix(_PREFIX))

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """The count of a window after adding; it ends `expiry` seconds after its beginning."""
        own = super().incr(key, expiry, amount=amount)
        shared = self._counts.add(key, amount, expiry)
        return own if shared is None else max(own, shared)

    def get(self, key: str) -> int:
        """The count."""
        own = super().get(key)
        shared = self._counts.get(key)
        return own if shared is None else max(own, shared[0])

    def get_expiry(self, key: str) -> float:
        """When the window ends, as a time stamp."""
        shared = self._counts.get(key)
        if shared is None or not shared[0]:
            return super().get_expiry(key)
        return time.time() + shared[1]

    def clear(self, key: str) -> None:
        """Begin at nothing again."""
        super().clear(key)
        self._counts.clear(key)
