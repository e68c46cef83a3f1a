"""The request weight of the current minute, as Binance counts it."""

WEIGHT_LIMIT = 6000
WINDOW = 60


class Weight:
    """The weight of this minute's REST calls."""

    def __init__(self) -> None:
        self.used = 0
        self._minute = 0

    def add(self, cost: int, now: float) -> int | None:
        """Count a call at `now`, in s; return the seconds to wait where the limit is exceeded."""
        minute = int(now) // WINDOW
        if minute != self._minute:
            self._minute, self.used = minute, 0
        self.used += cost
        return (minute + 1) * WINDOW - int(now) if self.used > WEIGHT_LIMIT else None
