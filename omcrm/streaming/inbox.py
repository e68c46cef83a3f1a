"""What one client says, handled one after the other and never in the reactor's thread."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from omcrm.concurrency import native_lock
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.streaming.worker_pool import WorkerPool

# Beyond so many unanswered messages the client waits; so many are handled in a row.
_MOST_UNANSWERED = 32
_IN_A_ROW = 16

_failures = ThrottledLog(logging.getLogger(__name__))

T = TypeVar("T")


class Inbox(Generic[T]):
    """A client's messages on their way to `handle`, which the crew calls in their order.

    They wait until `start`. `pause` is told to stop reading from a client that says more than is
    handled, and to go on.
    """

    def __init__(
        self, workers: WorkerPool, handle: Callable[[T], None], pause: Callable[[bool], None]
    ) -> None:
        self._workers = workers
        self._handle = handle
        self._pause = pause
        self._lock = native_lock()
        self._waiting: deque[T] = deque()
        # As if somebody were at it, until it is started.
        self._working = True
        self._paused = False
        self._ended = False
        self._last: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to handle what waits; called once."""
        self._workers.do(self._work)

    def put(self, message: T) -> None:
        """Let a message wait for its turn; after the end it is dropped."""
        with self._lock:
            if self._ended:
                return
            self._waiting.append(message)
            starts, self._working = not self._working, True
            if len(self._waiting) >= _MOST_UNANSWERED and not self._paused:
                self._paused = True
                self._pause(True)
        if starts:
            self._workers.do(self._work)

    def end(self, last: Callable[[], None]) -> None:
        """Handle nothing more of what waits; then `last`, behind what is being handled."""
        with self._lock:
            if self._ended:
                return
            self._ended, self._last = True, last
            self._waiting.clear()
            starts, self._working = not self._working, True
        if starts:
            self._workers.do(self._work)

    def _work(self) -> None:
        for _ in range(_IN_A_ROW):
            with self._lock:
                if not self._waiting:
                    last, self._last = self._last, None
                    self._working = last is not None
                    break
                message = self._waiting.popleft()
                if self._paused and len(self._waiting) < _MOST_UNANSWERED // 2:
                    self._paused = False
                    self._pause(False)
            try:
                self._handle(message)
            except Exception:
                _failures.exception("a message could not be handled")
        else:
            self._workers.do(self._work)
            return
        if last is not None:
            last()
            # Whose inbox it was holds it, too.
            self._handle = self._pause = _ignore


def _ignore(_: object) -> None:
    """Nothing is handled after the end."""
