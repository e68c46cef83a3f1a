"""The clock of the process that leads, as the others read it from what it sends."""

import time
from datetime import UTC, datetime, timedelta

from omcrm.market.clock import Clock

_LATE = timedelta(seconds=0.5)
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


class EngineClock:
    """Tells the engine's time: the ages of its prices are by its clock, and this machine's may be
    off.

    Times of frames are read against the monotonic clock of this process. The frame that was fastest
    counts: one that was long on its way would set the clock back.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._offset: timedelta | None = None

    def note(self, sent_at: datetime, *, anew: bool) -> bool:
        """Read the time of a frame, `anew` of another engine; whether the frame came late."""
        offset = sent_at - _ZERO - timedelta(seconds=time.monotonic())
        if anew or self._offset is None or offset > self._offset:
            self._offset = offset
        return self._offset - offset > _LATE

    def now(self) -> datetime:
        """The time by the engine's clock; before anything came from it, by this machine's."""
        if self._offset is None:
            return self._own()
        return _ZERO + self._offset + timedelta(seconds=time.monotonic())
