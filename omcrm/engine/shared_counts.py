"""Counts that all processes of an installation share, by way of Redis or Valkey."""

import logging
import time
from typing import Any

from redis import RedisError

from omcrm.engine.redis_connection import connect_redis, names_for, shown_url

_log = logging.getLogger(__name__)

# A request waits for the count: so long at most, in seconds, and then nobody asks for a while.
_TIMEOUT = 0.1
_PAUSE = 5.0
# Arguments: how much is added, and after how many milliseconds the count ends.
_ADD = """
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count == tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return count
"""


class SharedCounts:
    """Adds and reads; None where the server is not reached: then a process counts by itself.

    Thread-safe. Nothing is connected before the first call.
    """

    def __init__(self, url: str) -> None:
        self._prefix = names_for(url).limits
        self._shown_url = shown_url(url)
        self._client = connect_redis(url, _TIMEOUT)
        self._add: Any = self._client.register_script(_ADD)
        self._asked_again_at = 0.0
        self._is_away = False

    def add(self, name: str, amount: int, seconds: float) -> int | None:
        """The count after adding; a new one ends after so many seconds."""
        key, milliseconds = f"{self._prefix}{name}", max(1, int(seconds * 1000))
        count = self._ask(lambda: self._add(keys=[key], args=[amount, milliseconds]))
        return None if count is None else int(count)

    def get(self, name: str) -> tuple[int, float] | None:
        """The count, and in how many seconds it ends; nothing at all is 0."""
        key = f"{self._prefix}{name}"

        def read() -> tuple[int, float]:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.get(key)
            pipeline.pttl(key)
            count, milliseconds = pipeline.execute()
            return int(count or 0), max(0.0, milliseconds / 1000)

        answer: tuple[int, float] | None = self._ask(read)
        return answer

    def clear(self, name: str) -> None:
        """Begin at nothing again."""
        self._ask(lambda: self._client.delete(f"{self._prefix}{name}"))

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _ask(self, call: Any) -> Any:
        if time.monotonic() < self._asked_again_at:
            return None
        try:
            answer = call()
        except (RedisError, OSError, ValueError) as error:
            self._asked_again_at = time.monotonic() + _PAUSE
            if not self._is_away:
                self._is_away = True
                _log.warning(
                    "limits are counted by this process alone, %s is not reached: %s",
                    self._shown_url,
                    error or type(error).__name__,
                )
            return None
        if self._is_away:
            self._is_away = False
            _log.info("limits are counted at %s again", self._shown_url)
        return answer
