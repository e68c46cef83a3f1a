"""Limits of one connection: messages per second, and bad messages."""

from collections import deque

_MESSAGES_A_SECOND = 20.0
_BURST = 40.0
_BAD_MESSAGES = 10
_BAD_WINDOW = 10.0


class TokenBucket:
    """A token bucket: refills at `rate` per second up to `most`; times are monotonic."""

    __slots__ = ("_held", "_most", "_rate", "_refilled_at")

    def __init__(self, rate: float, most: float) -> None:
        self._rate = rate
        self._most = most
        self._held = most
        self._refilled_at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take so many tokens; whether there were enough."""
        if self._refilled_at is not None:
            refill = (now - self._refilled_at) * self._rate
            self._held = min(self._most, self._held + refill)
        self._refilled_at = now
        if self._held < amount:
            return False
        self._held -= amount
        return True


class RateLimiter:
    """Counts the messages of one connection; times are monotonic seconds."""

    __slots__ = ("_errors", "_messages")

    def __init__(self) -> None:
        self._messages = TokenBucket(_MESSAGES_A_SECOND, _BURST)
        self._errors: deque[float] = deque(maxlen=_BAD_MESSAGES)

    def may_send(self, now: float) -> bool:
        """Count a message; whether it is within the rate."""
        return self._messages.take(1, now)

    def too_many_errors(self, now: float) -> bool:
        """Count a bad message; whether there were too many in the last seconds."""
        self._errors.append(now)
        return len(self._errors) == _BAD_MESSAGES and now - self._errors[0] <= _BAD_WINDOW
