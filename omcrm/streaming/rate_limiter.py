"""How much one connection may say, and how often it may be wrong."""

from collections import deque

_MESSAGES_A_SECOND = 20.0
_BURST = 40.0
_BAD_MESSAGES = 10
_BAD_WINDOW = 10.0


class TokenBucket:
    """An allowance that fills up again: `rate` a second, `most` at once; times are monotonic."""

    __slots__ = ("_held", "_most", "_rate", "_refilled_at")

    def __init__(self, rate: float, most: float) -> None:
        self._rate = rate
        self._most = most
        self._held = most
        self._refilled_at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take so much, if it is there."""
        if self._refilled_at is not None:
            refill = (now - self._refilled_at) * self._rate
            self._held = min(self._most, self._held + refill)
        self._refilled_at = now
        if self._held < amount:
            return False
        self._held -= amount
        return True


class RateLimiter:
    """Counts what one connection says; times are monotonic seconds."""

    __slots__ = ("_bad", "_messages")

    def __init__(self) -> None:
        self._messages = TokenBucket(_MESSAGES_A_SECOND, _BURST)
        self._bad: deque[float] = deque(maxlen=_BAD_MESSAGES)

    def may_send(self, now: float) -> bool:
        """Whether another message is within the rate; counts it."""
        return self._messages.take(1, now)

    def too_many_errors(self, now: float) -> bool:
        """Count a bad message; whether there were too many of them lately."""
        self._bad.append(now)
        return len(self._bad) == _BAD_MESSAGES and now - self._bad[0] <= _BAD_WINDOW
