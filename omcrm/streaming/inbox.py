"""The messages of one client, handled one after the other, outside the reactor's thread."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from omcrm.concurrency import native_lock
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.streaming.worker_pool import WorkerPool

# Beyond so many unhandled messages reading pauses; a job handles so many in a row.
_MOST_UNANSWERED = 32
_IN_A_ROW = 16

_failures = ThrottledLog(logging.getLogger(__name__))

T = TypeVar("T")


class Inbox(Generic[T]):
    """Queues a client's messages for `handle`, which the worker pool calls in their order.

    They wait until `start`. `pause(True)` stops reading from a client that sends faster than its
    messages are handled; `pause(False)` resumes.
    """

    def __init__(
        self, workers: WorkerPool, handle: Callable[[T], None], pause: Callable[[bool], None]
    ) -> None:
        self._workers = workers
        self._handle = handle
        self._pause = pause
        self._lock = native_lock()
        self._waiting: deque[T] = deque()
        # True until `start`, so that no job is queued before.
        self._working = True
        self._paused = False
        self._ended = False
        self._last: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to handle the queued messages; called once."""
        with self._lock:
            self._working = bool(self._waiting) or self._last is not None
            starts = self._working
        if starts:
            self._workers.do(self._work)

    def put(self, message: T) -> None:
        """Queue a message; after the end it is dropped."""
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

    def end(self, last: Callable[[], None], *, drop: bool = True) -> None:
        """Accept no more messages; call `last` after the one being handled.

        Without `drop` the queued ones are handled before that.
        """
        with self._lock:
            if self._ended:
                return
            self._ended, self._last = True, last
            if drop:
                self._waiting.clear()
            starts, self._working = not self._working, True
        if starts:
            self._workers.do(self._work)

    @property
    def works(self) -> bool:
        """Whether a message waits or is being handled."""
        return self._working

    def __len__(self) -> int:
        return len(self._waiting)

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
            # Break the reference cycle with the inbox's owner.
            self._handle = self._pause = _ignore


def _ignore(_: object) -> None:
    """Stands for `handle` and `pause` after the end."""
