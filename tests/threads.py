"""The threads that a test has not ended."""

import threading
from weakref import WeakKeyDictionary

from tests.processes import wait_for

_starters: WeakKeyDictionary[threading.Thread, threading.Thread] = WeakKeyDictionary()
_start = threading.Thread.start


def _start_and_record(thread: threading.Thread) -> None:
    _starters[thread] = threading.current_thread()
    _start(thread)


threading.Thread.start = _start_and_record  # type: ignore[method-assign]


def is_running(name: str) -> bool:
    """Whether a thread of this name runs, whoever started it: a server's handlers start some."""
    return any(thread.name == name for thread in threading.enumerate())


class Threads:
    """The threads that its thread has started since it was created, and those that these started.

    Threads of other tests do not count, nor do those of the worker pool, which end by themselves.
    """

    def __init__(self) -> None:
        self._creator = threading.current_thread()
        self._before = set(threading.enumerate())

    def new(self) -> list[str]:
        """The names of the running ones."""
        return sorted(
            thread.name
            for thread in threading.enumerate()
            if thread.name != "worker" and self._is_ours(thread)
        )

    def count(self, name: str) -> int:
        """The number of running ones with this name."""
        return self.new().count(name)

    def wait(self) -> None:
        """Wait until none of them runs; fails with their names."""
        try:
            wait_for(lambda: not self.new())
        except AssertionError:
            raise AssertionError(f"threads left over: {self.new()}") from None

    def _is_ours(self, thread: threading.Thread) -> bool:
        starter = _starters.get(thread)
        if thread in self._before or starter is None:
            return False
        return starter is self._creator or self._is_ours(starter)
