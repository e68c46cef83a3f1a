"""How late this process is: the gauge of every stall, whatever its cause."""

import time
from collections import deque
from collections.abc import Callable

_BEAT = 0.1
_TIDY_EVERY = 10
_MEMORY = 60.0


class WorstLag:
    """The worst lateness of the last minute, in seconds."""

    def __init__(self) -> None:
        self._worst: deque[tuple[float, float]] = deque()

    def note(self, lag: float, now: float) -> None:
        """Something happened `lag` seconds later than it should have."""
        while self._worst and self._worst[-1][1] <= lag:
            self._worst.pop()
        self._worst.append((now, lag))
        self._forget(now)

    def worst(self, now: float) -> float:
        """The most of the last minute."""
        self._forget(now)
        return self._worst[0][1] if self._worst else 0.0

    def _forget(self, now: float) -> None:
        while self._worst and self._worst[0][0] < now - _MEMORY:
            self._worst.popleft()


class LagMeter:
    """Beats ten times a second while anybody is connected, and notes how late each beat was."""

    def __init__(self, is_needed: Callable[[], bool], tidy: Callable[[], None]) -> None:
        self.lag = WorstLag()
        self._is_needed = is_needed
        self._tidy = tidy

    def run(self) -> None:
        """Beat; in a thread of its own."""
        beats = 0
        while True:
            if not self._is_needed():
                self._tidy()
                time.sleep(1.0)
                continue
            due = time.monotonic() + _BEAT
            time.sleep(_BEAT)
            now = time.monotonic()
            self.lag.note(max(0.0, now - due), now)
            beats += 1
            if beats % _TIDY_EVERY == 0:
                self._tidy()
