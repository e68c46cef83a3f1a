"""When a polled source is asked for which symbols."""

import math
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from omcrm.feeds.provider import PollLimits


class Polling(Struct, frozen=True):
    """The shortest interval of pollers in seconds, and the largest number of symbols in a call."""

    interval: float = 30.0
    batch: int = 50


class PollSchedule:
    """Decides which symbols are polled next: the most urgent first, each once an interval at most.

    `wanted` gives how urgently a symbol (ours) is wanted now: 0 not at all, higher first.
    """

    def __init__(self, polling: Polling, limits: PollLimits, wanted: Callable[[str], int]) -> None:
        self.interval = max(polling.interval, limits.interval)
        self._batch = min(polling.batch, limits.batch)
        self._wanted = wanted
        self._asked: dict[str, float] = {}

    def due(self, names: Mapping[str, str], now: float) -> list[str]:
        """The names to poll next, one batch; empty while nothing is due."""
        urgency = {name: self._wanted(symbol) for name, symbol in names.items()}
        waiting = [name for name, degree in urgency.items() if degree and self.is_over(name, now)]
        waiting.sort(key=lambda name: (-urgency[name], self._asked.get(name, -math.inf)))
        return waiting[: self._batch]

    def is_over(self, name: str, now: float) -> bool:
        """Whether the interval since a name was polled is over."""
        return now - self._asked.get(name, -math.inf) >= self.interval

    def is_wanted(self, symbol: str) -> bool:
        """Whether a symbol is wanted, due or not."""
        return self._wanted(symbol) > 0

    def asked(self, names: Iterable[str], now: float) -> None:
        """Note that these have been polled."""
        self._asked.update(dict.fromkeys(names, now))

    def suspend(self, names: Iterable[str], until: float) -> None:
        """Do not poll these before `until`, nor before their interval is over."""
        for name in names:
            self._asked[name] = max(self._asked.get(name, -math.inf), until - self.interval)

    def wait(self, name: str, now: float) -> float:
        """The seconds until a name may be polled again."""
        return max(0.0, self._asked.get(name, -math.inf) + self.interval - now)

    def failed(self, names: Iterable[str]) -> None:
        """Note that the call for these has failed: they are due again."""
        for name in names:
            self._asked.pop(name, None)
