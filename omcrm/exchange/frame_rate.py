"""How many frames a client sends each second, and when that is too many."""

FRAMES_A_SECOND = 5


class FrameRate:
    """Counts incoming frames by windows of one second."""

    def __init__(self) -> None:
        self.total = 0
        self.peak = 0
        self._start = float("-inf")
        self._count = 0
        self._previous = 0

    def allows(self, now: float, most: int = FRAMES_A_SECOND) -> bool:
        """Count one frame at `now`; False once the client must be disconnected.

        A subscription in batches right after connecting is a short burst that venues let through;
        twice the rate in one second, or the rate exceeded in two seconds running, is not.
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
