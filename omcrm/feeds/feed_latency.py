"""How late an upstream's news arrive, told from the times they carry."""

from datetime import datetime, timedelta

from omcrm.market.tick import ON_TIME

# Clocks of upstreams and of this machine differ by up to so much, and the way takes its time.
_SKEW = timedelta(seconds=2)
# Less is jitter.
_TOLERATED = timedelta(seconds=2)
# Times so far away are of a recording, or of a clock that says nothing.
_RECORDED = timedelta(hours=1)
# What was the shortest way may be forgotten: clocks are set.
_MEMORY = timedelta(minutes=5)
# After so long without a time the way may have become another one.
_UNMEASURED = timedelta(seconds=5)
# So many late news in a row, over so long, are no stragglers.
_MANY = 20
_LASTING = timedelta(seconds=5)


class FeedLatency:
    """Compares each trade's time with the shortest way any took; of one source, in any thread.

    A clock that is behind makes the way look shorter, so the shortest way seen is the measure, down
    to that of a clock two seconds ahead: a single time from the future must not make everything
    after it look late.
    """

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._least = self._least_before = _SKEW
        self._late = 0
        self._late_since: datetime | None = None
        self._last = ON_TIME
        self._measured_at: datetime | None = None
        self._is_of_today = False

    def of(self, received_at: datetime, time: datetime | None) -> timedelta:
        """How late news with this time of their own are; where they have none, as late as the last
        that had one: they came the same way. After a silence that may not be so any more: they may
        be as old as that."""
        if time is not None:
            self._measured_at = received_at
            self._last = self._measure(received_at, received_at - time)
            return self._last
        silence = received_at - self._measured_at if self._measured_at else ON_TIME
        return max(self._last, silence) if silence > _UNMEASURED else self._last

    def _measure(self, received_at: datetime, way: timedelta) -> timedelta:
        if abs(way) > _RECORDED:
            # The last trade of a symbol that hardly trades, where others are told at once.
            return max(way, ON_TIME) if self._is_of_today else ON_TIME
        self._is_of_today = True
        self._remember(received_at, way)
        late = way - min(self._least, self._least_before, _SKEW)
        if late <= _TOLERATED:
            self._late, self._late_since = 0, None
            return ON_TIME
        self._late += 1
        self._late_since = self._late_since or received_at
        return late

    def is_lasting(self, now: datetime) -> bool:
        """Whether the connection as a whole has fallen behind."""
        since = self._late_since
        return since is not None and self._late >= _MANY and now - since >= _LASTING

    def start_anew(self) -> None:
        """Another connection brings the news from now on."""
        self._late, self._late_since = 0, None

    def _remember(self, now: datetime, way: timedelta) -> None:
        if self._began is None or now - self._began > _MEMORY:
            self._began = now
            self._least_before, self._least = self._least, way
        self._least = max(min(self._least, way), -_SKEW)
