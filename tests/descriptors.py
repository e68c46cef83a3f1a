"""Which descriptors a test has left open."""

import os

from tests.process_table import descriptors
from tests.processes import wait_for


class Descriptors:
    """What this process had open when it was made.

    Only what came since is told: what earlier tests left may close at any time.
    """

    def __init__(self) -> None:
        self._before = set(descriptors(os.getpid()).items())

    def wait(self, timeout: float = 5.0) -> None:
        """Until nothing else is open any more; else that is named."""
        try:
            wait_for(lambda: not self._new(), timeout)
        except AssertionError:
            raise AssertionError(f"descriptors left open: {self._new()}") from None

    def _new(self) -> list[tuple[int, str]]:
        return sorted(set(descriptors(os.getpid()).items()) - self._before)
