import threading
from collections.abc import Callable

from omcrm.streaming.inbox import Inbox
from omcrm.streaming.worker_pool import WorkerPool
from tests.processes import wait_for


class Desk:
    """Handles what comes, and remembers it."""

    def __init__(self, handle: Callable[[int], None] = lambda message: None) -> None:
        self.handled: list[int] = []
        self.pauses: list[bool] = []
        self.ends: list[int] = []
        self._handle = handle
        self.inbox: Inbox[int] = Inbox(WorkerPool(), self._take, self.pauses.append)

    def _take(self, message: int) -> None:
        self._handle(message)
        self.handled.append(message)

    def end(self) -> None:
        self.inbox.end(lambda: self.ends.append(len(self.handled)))


def test_in_order_and_elsewhere() -> None:
    """Whatever the number of threads, a client's messages are handled in its order."""
    threads: set[str] = set()
    pages = Desk(lambda message: threads.add(threading.current_thread().name))
    pages.inbox.start()
    for number in range(500):
        pages.inbox.put(number)
    wait_for(lambda: 500 == len(pages.handled), 5)

    assert list(range(500)) == pages.handled
    assert {"crew"} == threads


def test_nothing_is_handled_before_the_start() -> None:
    """What comes early waits."""
    pages = Desk()
    pages.inbox.put(1)
    pages.inbox.put(2)

    assert [] == pages.handled
    pages.inbox.start()
    wait_for(lambda: [1, 2] == pages.handled, 5)


def test_who_says_too_much_waits() -> None:
    """With thirty-two unanswered nobody reads on, until half of them are handled."""
    validator = threading.Event()
    pages = Desk(lambda message: validator.wait(5) and None)
    pages.inbox.start()
    for number in range(40):
        pages.inbox.put(number)

    assert [True] == pages.pauses
    validator.set()
    wait_for(lambda: 40 == len(pages.handled), 5)
    assert [True, False] == pages.pauses


def test_after_the_end_nothing_is_handled() -> None:
    """What waits is forgotten, and the last word comes behind what is being handled."""
    validator, begun = threading.Event(), threading.Event()
    pages = Desk(lambda message: begun.set() or (validator.wait(5) and None))
    pages.inbox.start()
    for number in range(5):
        pages.inbox.put(number)
    begun.wait(5)
    pages.end()
    pages.end()
    pages.inbox.put(6)
    validator.set()
    wait_for(lambda: pages.ends, 5)

    assert [1] == pages.ends
    assert [0] == pages.handled


def test_the_end_of_what_was_never_started() -> None:
    """It comes with the start."""
    pages = Desk()
    pages.inbox.put(1)
    pages.end()
    pages.inbox.start()
    wait_for(lambda: pages.ends, 5)

    assert [] == pages.handled


def test_a_message_that_fails_does_not_stop_the_next() -> None:
    """One bad message costs nobody the others."""

    def fail(message: int) -> None:
        if message == 1:
            raise RuntimeError("no")

    pages = Desk(fail)
    pages.inbox.start()
    for number in range(3):
        pages.inbox.put(number)
    wait_for(lambda: [0, 2] == pages.handled, 5)
    pages.end()
    wait_for(lambda: pages.ends, 5)
