"""Threads for what connections ask: not the reactor's, because an answer may take its time."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from omcrm.streaming.throttled_log import ThrottledLog

_MOST = 8
_IDLE = 10.0

_log = logging.getLogger(__name__)

Job = Callable[[], None]


class WorkerPool:
    """Runs jobs in a bounded number of threads, which come and go with the work."""

    def __init__(self, most: int = _MOST, idle: float = _IDLE) -> None:
        self._most = most
        self._idle = idle
        self._jobs: deque[Job] = deque()
        self._ready = threading.Condition()
        self._waiting = 0
        self.size = 0
        self._failures = ThrottledLog(_log)

    def do(self, job: Job) -> None:
        """Run `job` as soon as a thread is free; the order of different jobs is not kept."""
        with self._ready:
            self._jobs.append(job)
            if self._waiting >= len(self._jobs) or self.size >= self._most:
                self._ready.notify()
                return
            self.size += 1
        threading.Thread(target=self._work, name="crew", daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                self._failures.exception("a job failed")
            # Whose it was may be over while this thread waits for the next one.
            del job
            # Green threads run until they wait: a row of jobs must not keep prices from leaving.
            time.sleep(0)

    def _next(self) -> Job | None:
        with self._ready:
            while not self._jobs:
                self._waiting += 1
                heard = self._ready.wait(self._idle)
                self._waiting -= 1
                if not heard and not self._jobs:
                    self.size -= 1
                    return None
            return self._jobs.popleft()
