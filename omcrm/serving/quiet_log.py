"""gunicorn's log, which strangers cannot fill."""

from typing import Any

from omcrm.streaming.throttled_log import ThrottledLog


class QuietLog:
    """Passes on to `log`; of warnings, as of failures, one line a second, with a count."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.warning = ThrottledLog(log).warning
        self.exception = ThrottledLog(log).exception

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
