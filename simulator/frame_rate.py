"""Counts the frames a client sends and finds when the rate is too high."""

FRAMES_A_SECOND = 5


class FrameRate:
    """Counts incoming frames by windows of one second."""

    def __init__(self) -> None:
        self.total = 0
        self.peak = 0
        self._start = float("-inf")
        self._count = 0
        self._previous = 0

    def accepts(self, now: float, most: int = FRAMES_A_SECOND) -> bool:
        """Count one frame at `now`; False when the client must be disconnected.

        Providers accept a short burst, such as batches of subscriptions right after connecting.
        Twice the rate in one second is too much, as is more than the rate in two consecutive
        seconds.
        """
        elapsed = now - self._start
        if elapsed >= 1:
            self._previous = self._count if elapsed < 2 else 0
            self._start = self._start + 1 if elapsed < 2 else now
            self._count = 0
        self.total += 1
        self._count += 1
        self.peak = max(self.peak, self._count)
        if self._count > 2 * most:
            return False
        return self._count <= most or self._previous <= most
