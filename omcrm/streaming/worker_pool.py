"""Threads that handle clients' messages outside the reactor's, because handlers may block."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from omcrm.streaming.throttled_log import ThrottledLog

_MOST = 8
_IDLE = 10.0
# Yields to other threads after so many seconds of work.
_TIME_SLICE = 0.002

_log = logging.getLogger(__name__)

Job = Callable[[], None]


class WorkerPool:
    """Runs jobs in a bounded number of threads, which start and end with the work."""

    def __init__(self, most: int = _MOST, idle: float = _IDLE) -> None:
        self._most = most
        self._idle = idle
        self._jobs: deque[Job] = deque()
        self._ready = threading.Condition()
        self._waiting = 0
        # One time slice for all the threads: green ones would take theirs one after the other.
        self._yields_at = 0.0
        self.size = 0
        self._failures = ThrottledLog(_log)

    def do(self, job: Job) -> None:
        """Run `job` as soon as a thread is free; jobs may run in any order."""
        self._jobs.append(job)
        if not self._waiting and self.size >= self._most:
            return
        with self._ready:
            if self._waiting >= len(self._jobs) or self.size >= self._most:
                self._ready.notify()
                return
            self.size += 1
        threading.Thread(target=self._work, name="worker", daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                self._failures.exception("a job failed")
            # Frees what the job refers to while this thread waits for the next one.
            del job
            # Green threads run until they wait: many jobs in a row must not delay the prices.
            if time.monotonic() > self._yields_at:
                time.sleep(0)
                self._yields_at = time.monotonic() + _TIME_SLICE

    def _next(self) -> Job | None:
        while True:
            try:
                return self._jobs.popleft()
            except IndexError:
                if not self._wait():
                    return None

    def _wait(self) -> bool:
        """Wait for a job; False where none came, and the thread ends."""
        with self._ready:
            # Counted before it looks for jobs, because `do` adds one before it reads the count.
            self._waiting += 1
            goes_on = bool(self._jobs) or self._ready.wait(self._idle) or bool(self._jobs)
            if not goes_on:
                self.size -= 1
            self._waiting -= 1
            return goes_on
