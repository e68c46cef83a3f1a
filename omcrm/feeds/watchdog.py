"""Detects a connection that is dead, and one that is alive but brings no data."""

from msgspec import Struct

from omcrm.errors import FeedError, FeedHeartbeatTimeout, FeedNoData


class WatchdogTimeouts(Struct, frozen=True):
    """The timeouts of a connection, in seconds.

    `probe`: without any frame for so long, a ping is sent. `heartbeat_timeout`: without any frame
    for so long, the transport is dead. Data may be missing for `no_data_factor` times its usual
    gap, bounded by `no_data_least` and `no_data_most`. Before the usual gap is known, it may be
    missing for `unknown`, or for `first_data` where `witnesses` ticks of other sources came
    meanwhile.
    """

    probe: float = 3.0
    heartbeat_timeout: float = 10.0
    no_data_factor: float = 20.0
    no_data_least: float = 8.0
    no_data_most: float = 300.0
    first_data: float = 30.0
    unknown: float = 120.0
    witnesses: int = 20


# So many gaps are needed for a usual one.
_ENOUGH = 20


class Watchdog:
    """Monitors one connection; every method takes the monotonic time in seconds."""

    def __init__(self, timeouts: WatchdogTimeouts, now: float) -> None:
        self._timeouts = timeouts
        self._frame_at = now
        self._data_at = now
        self._probed_at = now
        # The ticks of other sources when data came last.
        self._counted_at: float | None = None
        self._witnessed = 0
        self._gap = 0.0
        self._count = 0

    def frame(self, now: float) -> None:
        """A frame of any kind arrived."""
        self._frame_at = now

    def data(self, now: float) -> None:
        """A frame with prices arrived."""
        gap, self._data_at, self._frame_at = now - self._data_at, now, now
        self._count += 1
        # The mean at first, then a moving average.
        self._gap += (gap - self._gap) / min(self._count, 200)

    def wants_probe(self, now: float) -> bool:
        """Whether to ping the upstream now: once per `probe` seconds without a frame."""
        since = max(self._frame_at, self._probed_at)
        if now - since < self._timeouts.probe:
            return False
        self._probed_at = now
        return True

    def check(self, now: float, *, expects_data: bool, witnessed: int = 0) -> FeedError | None:
        """The error of the connection, None where it is well.

        `expects_data` while something is subscribed whose market is open. `witnessed` counts the
        ticks of other sources of the same asset classes."""
        without_frame = now - self._frame_at
        if without_frame > self._timeouts.heartbeat_timeout:
            return FeedHeartbeatTimeout(without_frame)
        if not expects_data:
            # When the market opens, the hours while it was closed do not count.
            self._data_at = now
        if self._counted_at != self._data_at:
            self._counted_at, self._witnessed = self._data_at, witnessed
        without_data = now - self._data_at
        return FeedNoData(without_data) if without_data > self._longest_gap(witnessed) else None

    def restart_data(self, now: float) -> None:
        """Count the time without data from now: none was expected before."""
        self._data_at = now

    def _longest_gap(self, witnessed: int) -> float:
        timeouts = self._timeouts
        if self._count < _ENOUGH:
            is_lively = witnessed - self._witnessed >= timeouts.witnesses
            return timeouts.first_data if is_lively else timeouts.unknown
        usual = self._gap * timeouts.no_data_factor
        return min(max(usual, timeouts.no_data_least), timeouts.no_data_most)
