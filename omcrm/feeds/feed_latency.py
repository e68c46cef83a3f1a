"""Feed latency: how late an upstream's ticks arrive, measured by the times they carry."""

from datetime import datetime, timedelta

from omcrm.market.tick import ON_TIME

# Largest difference of clocks, network transit included, that does not count as latency.
_SKEW = timedelta(seconds=2)
# Up to this much more than the shortest transit is jitter.
_TOLERATED = timedelta(seconds=2)
# Times further away are of another day, or of a trade of long ago: they measure no latency.
_RECORDED = timedelta(hours=1)
# The shortest transit is measured anew after two such periods: clocks are set.
_MEMORY = timedelta(minutes=5)
# After so long without a time the last measurement no longer holds.
_UNMEASURED = timedelta(seconds=5)
# So many late ticks in a row, over so long, mean that the whole connection is behind.
_MANY = 20
_LASTING = timedelta(seconds=5)


class FeedLatency:
    """Compares each trade's transit time with the shortest one seen; of one source, in any thread.

    A difference of clocks shifts every transit time alike, so the shortest one is the baseline. It
    is bounded at a clock two seconds ahead: a single time from the future must not make every tick
    after it look late.
    """

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._shortest = self._previous_shortest = _SKEW
        self._late_count = 0
        self._late_since: datetime | None = None
        self._last = ON_TIME
        self._measured_at: datetime | None = None

    def of(self, received_at: datetime, time: datetime | None) -> timedelta:
        """The latency of a tick with this provider time.

        A tick without a time has the latency of the last one that had a time, for it came over the
        same connection. After a gap without times it may be as old as the gap."""
        if time is not None:
            transit = received_at - time
            if abs(transit) > _RECORDED:
                return max(transit, ON_TIME)
            self._measured_at = received_at
            self._last = self._measure(received_at, transit)
            return self._last
        unmeasured = received_at - self._measured_at if self._measured_at else ON_TIME
        return max(self._last, unmeasured) if unmeasured > _UNMEASURED else self._last

    def _measure(self, received_at: datetime, transit: timedelta) -> timedelta:
        self._remember(received_at, transit)
        latency = transit - min(self._shortest, self._previous_shortest, _SKEW)
        if latency <= _TOLERATED:
            self._late_count, self._late_since = 0, None
            return ON_TIME
        self._late_count += 1
        self._late_since = self._late_since or received_at
        return latency

    def is_lasting(self, now: datetime) -> bool:
        """Whether the connection as a whole has fallen behind."""
        since = self._late_since
        return since is not None and self._late_count >= _MANY and now - since >= _LASTING

    def reset(self) -> None:
        """Count late ticks anew: another connection brings them from now on."""
        self._late_count, self._late_since = 0, None

    def _remember(self, now: datetime, transit: timedelta) -> None:
        if self._began is None or now - self._began > _MEMORY:
            self._began = now
            self._previous_shortest, self._shortest = self._shortest, transit
        self._shortest = max(min(self._shortest, transit), -_SKEW)
