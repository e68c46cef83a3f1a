"""How feeds act in time."""

import threading
import time

from msgspec import Struct

from omcrm.feeds.watchdog import WatchdogTimeouts


class FeedClock(Struct, frozen=True):
    """How time passes for feeds: as for everybody, or `speed` times as fast, in a drill that plays
    a day in an hour. What the operating system waits for is not made faster."""

    speed: float = 1.0

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic() * self.speed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so long at most; whether the event is set."""
        return event.wait(seconds / self.speed)


ORDINARY = FeedClock()
"""As for everybody."""


class SupervisorTiming(Struct, frozen=True):
    """How a supervisor acts in time, in seconds.

    The back-off starts anew once data has lived for `proven`. A replacing connection gets `settle`
    to bring data before it takes over without any. `replace_after` overrides the provider's.
    """

    patience: WatchdogTimeouts = WatchdogTimeouts()
    proven: float = 10.0
    settle: float = 10.0
    replace_after: float | None = None
    feed_clock: FeedClock = ORDINARY
