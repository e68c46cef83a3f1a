"""Which threads a test has left behind."""

import threading
from weakref import WeakKeyDictionary

from tests.processes import wait_for

_starters: WeakKeyDictionary[threading.Thread, threading.Thread] = WeakKeyDictionary()
_start = threading.Thread.start


def _start_noted(thread: threading.Thread) -> None:
    _starters[thread] = threading.current_thread()
    _start(thread)


threading.Thread.start = _start_noted  # type: ignore[method-assign]


class Threads:
    """The threads that its maker has started since it was made, and those that these started.

    What other tests left behind, and what that still starts, is none of them; nor is the crew,
    whose threads come and go by themselves.
    """

    def __init__(self) -> None:
        self._maker = threading.current_thread()
        self._before = set(threading.enumerate())

    def new(self) -> list[str]:
        """The names of those that run."""
        return sorted(
            thread.name
            for thread in threading.enumerate()
            if thread.name != "worker" and self._is_ours(thread)
        )

    def count(self, name: str) -> int:
        """How many of them have this name."""
        return self.new().count(name)

    def wait(self) -> None:
        """Until none of them runs any more; else they are named."""
        try:
            wait_for(lambda: not self.new())
        except AssertionError:
            raise AssertionError(f"threads left over: {self.new()}") from None

    def _is_ours(self, thread: threading.Thread) -> bool:
        starter = _starters.get(thread)
        if thread in self._before or starter is None:
            return False
        return starter is self._maker or self._is_ours(starter)
