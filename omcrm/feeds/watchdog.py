"""Notices a connection that is dead, and one that lives but says nothing."""

from msgspec import Struct

from omcrm.errors import FeedError, FeedHeartbeatTimeout, FeedNoData


class WatchdogTimeouts(Struct, frozen=True):
    """How long to wait, in seconds.

    `probe`: without data for so long, ask for a sign of life. `silence`: without any frame for so
    long, the transport is dead. Data may be missing for `mute_factor` times its usual gap, bounded
    by `mute_least` and `mute_most`. Before the usual gap is known, it may be missing for
    `unknown`, or for `first_data` where `witnesses` ticks of other sources came meanwhile.
    """

    probe: float = 3.0
    silence: float = 10.0
    mute_factor: float = 20.0
    mute_least: float = 8.0
    mute_most: float = 300.0
    first_data: float = 30.0
    unknown: float = 120.0
    witnesses: int = 20


# So many gaps make a usual one.
_ENOUGH = 20


class Watchdog:
    """Watches one connection; every method takes the monotonic time in seconds."""

    def __init__(self, patience: WatchdogTimeouts, now: float) -> None:
        self._patience = patience
        self._frame_at = now
        self._data_at = now
        self._probed_at = now
        # What others had said when data came last.
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
        # The mean at first, then a slowly forgetting one.
        self._gap += (gap - self._gap) / min(self._count, 200)

    def wants_probe(self, now: float) -> bool:
        """Whether to ping the upstream now; asks once per `probe` seconds of silence."""
        since = max(self._frame_at, self._probed_at)
        if now - since < self._patience.probe:
            return False
        self._probed_at = now
        return True

    def verdict(self, now: float, *, expects_data: bool, witnessed: int = 0) -> FeedError | None:
        """What is wrong with the connection; `expects_data` while something is subscribed whose
        market is open. `witnessed` counts the ticks of other sources about the same."""
        silent = now - self._frame_at
        if silent > self._patience.silence:
            return FeedHeartbeatTimeout(silent)
        if not expects_data:
            # When its market opens, a night without prices is no silence.
            self._data_at = now
        if self._counted_at != self._data_at:
            self._counted_at, self._witnessed = self._data_at, witnessed
        mute = now - self._data_at
        return FeedNoData(mute) if mute > self._longest_gap(witnessed) else None

    def restart_data(self, now: float) -> None:
        """Count the data's age from now: it was not expected before."""
        self._data_at = now

    def _longest_gap(self, witnessed: int) -> float:
        patience = self._patience
        if self._count < _ENOUGH:
            is_lively = witnessed - self._witnessed >= patience.witnesses
            return patience.first_data if is_lively else patience.unknown
        usual = self._gap * patience.mute_factor
        return min(max(usual, patience.mute_least), patience.mute_most)
