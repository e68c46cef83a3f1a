"""Logging about what strangers can cause as often as they like."""

import logging
import time


class ThrottledLog:
    """Writes at most one line a second, and how many were left out."""

    def __init__(self, log: logging.Logger, every: float = 1.0) -> None:
        self._log = log
        self._every = every
        self._next = 0.0
        self._left_out = 0

    def warning(self, message: str, *values: object) -> None:
        """Log a warning, if its turn has come."""
        if self._may_speak():
            self._log.warning(message + self._more(), *values)

    def exception(self, message: str, *values: object) -> None:
        """Log an error with the exception that is being handled, if its turn has come."""
        if self._may_speak():
            self._log.exception(message + self._more(), *values)

    def _may_speak(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return False
        self._next = now + self._every
        return True

    def _more(self) -> str:
        left_out, self._left_out = self._left_out, 0
        return f" (and {left_out} more like it)" if left_out else ""
