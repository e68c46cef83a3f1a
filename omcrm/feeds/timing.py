"""The clock and the timeouts of feeds."""

import functools
import threading
import time
from collections.abc import Callable

from msgspec import Struct

from omcrm.feeds.watchdog import WatchdogTimeouts

# Other systems' monotonic clock is the best that they have.
_since_boot = (
    functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class FeedClock(Struct, frozen=True):
    """The clock of feeds; it runs `speed` times as fast in a drill that replays a day in an hour.
    Timeouts of the operating system are not scaled."""

    speed: float = 1.0

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic() * self.speed

    @property
    def since_boot(self) -> Callable[[], float]:
        """Gives the seconds since the machine was started, those in which it slept included."""
        return _since_boot if self.speed == 1.0 else lambda: _since_boot() * self.speed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for `event` so many seconds of this clock at most; whether it is set."""
        # While gevent wakes one of several waiters, it loses another one that begins to wait then.
        return event.is_set() or event.wait(seconds / self.speed)


ORDINARY = FeedClock()
"""The clock in real time."""


class SupervisorTiming(Struct, frozen=True):
    """The times of a supervisor, in seconds.

    The back-off starts anew once data has come for `backoff_reset`. A replacing connection may
    lack data for `replacement_grace`, then it takes over without any. `replace_after` overrides the
    provider's.
    """

    timeouts: WatchdogTimeouts = WatchdogTimeouts()
    backoff_reset: float = 10.0
    replacement_grace: float = 10.0
    replace_after: float | None = None
    feed_clock: FeedClock = ORDINARY
