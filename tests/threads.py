"""Which threads a test has left behind."""

import threading

from tests.processes import wait_for


class Threads:
    """The threads that there were when it was made; those of the crew come and go by themselves."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def new(self) -> list[str]:
        """The names of those that there are besides now."""
        new = set(threading.enumerate()) - self._before
        return sorted(each.name for each in new if each.name != "crew")

    def wait(self, timeout: float = 5.0) -> None:
        """Until there are no others any more; else they are named."""
        try:
            wait_for(lambda: not self.new(), timeout)
        except AssertionError:
            raise AssertionError(f"threads left over: {self.new()}") from None
