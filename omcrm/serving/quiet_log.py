"""gunicorn's log, rate-limited so that clients cannot fill it."""

from typing import Any

from omcrm.streaming.throttled_log import ThrottledLog


class QuietLog:
    """Forwards to `log`; warnings, and exceptions, at most one line a second, with a count."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.warning = ThrottledLog(log).warning
        self.exception = ThrottledLog(log).exception

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
