"""This machine's own clock: whether it was set, and how far it is off by what the sources show."""

from collections.abc import Iterable
from datetime import datetime

from omcrm.feeds.timing import FeedClock
from omcrm.market.clock import Clock

# A smaller change is within the jitter of ticks.
_STEP = 0.5
# Both clocks must be read within this time; a busy machine needs several attempts.
_AT_ONCE, _ATTEMPTS = 0.05, 5
# Sources whose transits differ by no more show the same offset.
_SAME = 1.0
# An offset of less is no offset; transit times over any network are shorter.
_RIGHT = 1.0
_LONGEST_TRANSIT = 0.5


class OwnClock:
    """Compares this machine's clock with its seconds since the start, and with the sources' clocks.

    `stepped` is by how many seconds it has been set since then. `credit` is the largest transit,
    without these steps, that counts as one: what is above may as well be a delay. Thread-safe.
    """

    def __init__(self, clock: Clock, feed_clock: FeedClock) -> None:
        self._clock = clock
        self._since_boot = feed_clock.since_boot
        self._began, self._began_at = self._read_at_once() or (clock(), feed_clock.since_boot())
        self._expected = self._began_at
        self._transits: dict[str, float] = {}
        self._agreed: float | None = None
        self._is_told = False
        self.stepped = 0.0
        self.credit = _LONGEST_TRANSIT

    def read(self) -> tuple[datetime, float]:
        """The present, and the seconds of the feed clock since the machine was started."""
        now, at = self._clock(), self._since_boot()
        # For every frame: the shortest way to see that it was not set.
        if not -_STEP < (now - self._began).total_seconds() - at + self._expected < _STEP:
            self._note_step()
        return now, at

    def compare(self, source: str, transit: float) -> None:
        """Note the usual transit of a streamed source, without the steps of any clock.

        What most sources share, two at least, is an offset of this machine's clock."""
        self._transits[source] = transit
        self._agreed = _agreed(list(self._transits.values()))
        self._set_credit()
        if not self.ahead():
            self._is_told = False

    def ahead(self) -> float | None:
        """By how many seconds it is ahead (behind where negative); None where no two sources agree.

        It is zero where the difference is no more than a transit."""
        if self._agreed is None:
            return None
        ahead = self._agreed + self.stepped
        return ahead if abs(ahead) > _RIGHT else 0.0

    def tells(self) -> bool:
        """Whether to tell that it is off: only the first caller since it was right tells."""
        is_first, self._is_told = not self._is_told, True
        return is_first

    def _note_step(self) -> None:
        if (moment := self._read_at_once()) is not None:
            now, at = moment
            self.stepped = (now - self._began).total_seconds() - (at - self._began_at)
            self._expected = self._began_at - self.stepped
            self._set_credit()

    def _read_at_once(self) -> tuple[datetime, float] | None:
        for _ in range(_ATTEMPTS):
            before = self._since_boot()
            now, at = self._clock(), self._since_boot()
            if at - before <= _AT_ONCE:
                return now, at
        return None

    def _set_credit(self) -> None:
        if self._agreed is None:
            # A clock is set to be right: what it was set back by, it was ahead before.
            offset = max(0.0, -self.stepped)
        else:
            offset = self._agreed if abs(self._agreed) > _RIGHT else 0.0
        self.credit = _LONGEST_TRANSIT + offset


def _agreed(transits: Iterable[float]) -> float | None:
    """The lowest of those that differ by little, if they are two or more, and most of all."""
    ordered = sorted(transits)
    groups = [[other for other in ordered if 0 <= other - low <= _SAME] for low in ordered]
    largest = max(groups, key=len, default=[])
    is_most = len(largest) >= 2 and 2 * len(largest) > len(ordered)
    return largest[0] if is_most else None
