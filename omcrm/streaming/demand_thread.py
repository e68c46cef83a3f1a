"""A thread that runs while something needs it."""

import logging
import threading
from collections.abc import Callable

from omcrm.concurrency import native_lock
from omcrm.streaming.throttled_log import ThrottledLog

# The wait after a step that failed, in seconds.
_AFTER_FAILURE = 1.0

_log = logging.getLogger(__name__)


class DemandThread:
    """Repeats `step` in a thread from `start` until `is_needed` is false.

    `step` returns the seconds until the next one, which `wake` cuts short. A step that raises is
    logged and repeated a second later. `is_needed` is called with a lock held: it must be quick,
    and what it reads must change before `start` is called.
    """

    def __init__(self, name: str, step: Callable[[], float], is_needed: Callable[[], bool]) -> None:
        self._name = name
        self._step = step
        self._is_needed = is_needed
        self._lock = native_lock()
        self._is_running = False
        self._woken = threading.Event()
        self._failures = ThrottledLog(_log)

    def start(self) -> None:
        """Start the thread unless it runs; thread-safe."""
        with self._lock:
            was_running, self._is_running = self._is_running, True
        if not was_running:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def wake(self) -> None:
        """Begin the next step now, or right after the present one."""
        self._woken.set()

    def _run(self) -> None:
        while self._goes_on():
            # Cleared before the step: what changes during it is for the next one.
            self._woken.clear()
            seconds = self._take_step()
            if not self._woken.is_set():
                self._woken.wait(seconds)

    def _take_step(self) -> float:
        try:
            return self._step()
        except Exception:
            self._failures.exception("the thread %r failed", self._name)
            return _AFTER_FAILURE

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_running = self._is_needed()
            return self._is_running
