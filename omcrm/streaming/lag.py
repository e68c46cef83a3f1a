"""Measures how late this process runs: shows every stall, whatever its cause."""

import time
from collections import deque
from collections.abc import Callable

_INTERVAL = 0.1
_TIDY_EVERY = 10
_MEMORY = 60.0


class WorstLag:
    """The worst lag of the last minute, in seconds."""

    def __init__(self) -> None:
        self._worst: deque[tuple[float, float]] = deque()

    def note(self, lag: float, now: float) -> None:
        """Record that something happened `lag` seconds late."""
        while self._worst and self._worst[-1][1] <= lag:
            self._worst.pop()
        self._worst.append((now, lag))
        self._forget(now)

    def worst(self, now: float) -> float:
        """The worst lag of the last minute."""
        self._forget(now)
        return self._worst[0][1] if self._worst else 0.0

    def _forget(self, now: float) -> None:
        while self._worst and self._worst[0][0] < now - _MEMORY:
            self._worst.popleft()


class LagMeter:
    """Wakes up ten times a second while clients are connected, and records how late it was."""

    def __init__(self, is_needed: Callable[[], bool], tidy: Callable[[], None]) -> None:
        self.lag = WorstLag()
        self._is_needed = is_needed
        self._tidy = tidy

    def run(self) -> None:
        """Measure for ever; in a thread of its own."""
        rounds = 0
        while True:
            if not self._is_needed():
                self._tidy()
                time.sleep(1.0)
                continue
            due = time.monotonic() + _INTERVAL
            time.sleep(_INTERVAL)
            now = time.monotonic()
            self.lag.note(max(0.0, now - due), now)
            rounds += 1
            if rounds % _TIDY_EVERY == 0:
                self._tidy()
