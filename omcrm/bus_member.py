"""This process as one of several: what it starts and stops besides its sockets, in order."""

import threading
from collections.abc import Sequence

from omcrm.engine.market_engine import Companion


class BusMember:
    """Starts its parts in their order, and ends them in the other one; twice is once."""

    def __init__(self, parts: Sequence[Companion]) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._is_started = False

    def start(self) -> None:
        """Join the others."""
        with self._lock:
            if not self._is_started:
                self._is_started = True
                for part in self._parts:
                    part.start()

    def stop(self) -> None:
        """Leave them: whoever stands by takes over at once."""
        with self._lock:
            if self._is_started:
                self._is_started = False
                for part in reversed(self._parts):
                    part.stop()
