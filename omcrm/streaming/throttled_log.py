"""A rate-limited log for events that any client can cause at will."""

import logging
import time


class ThrottledLog:
    """Writes at most one line a second, with the number of lines left out."""

    def __init__(self, log: logging.Logger, every: float = 1.0) -> None:
        self._log = log
        self._every = every
        self._next = 0.0
        self._left_out = 0

    def warning(self, message: str, *values: object) -> None:
        """Log a warning, unless a line was written within the last second."""
        if self._may_write():
            self._log.warning(message + self._more(), *values)

    def exception(self, message: str, *values: object) -> None:
        """Log an error with the current exception, at the same rate as warnings."""
        if self._may_write():
            self._log.exception(message + self._more(), *values)

    def _may_write(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return False
        self._next = now + self._every
        return True

    def _more(self) -> str:
        left_out, self._left_out = self._left_out, 0
        return f" (and {left_out} more like it)" if left_out else ""
