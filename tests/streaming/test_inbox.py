import threading
from collections.abc import Callable

from omcrm.streaming.inbox import Inbox
from omcrm.streaming.worker_pool import WorkerPool
from tests.processes import wait_for


class Consumer:
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
    consumer = Consumer(lambda message: threads.add(threading.current_thread().name))
    consumer.inbox.start()
    for number in range(500):
        consumer.inbox.put(number)
    wait_for(lambda: 500 == len(consumer.handled), 5)

    assert list(range(500)) == consumer.handled
    assert {"worker"} == threads


def test_nothing_is_handled_before_the_start() -> None:
    """What comes early waits."""
    consumer = Consumer()
    consumer.inbox.put(1)
    consumer.inbox.put(2)

    assert [] == consumer.handled
    consumer.inbox.start()
    wait_for(lambda: [1, 2] == consumer.handled, 5)


def test_who_says_too_much_waits() -> None:
    """With thirty-two unanswered nobody reads on, until half of them are handled."""
    may_handle = threading.Event()
    consumer = Consumer(lambda message: may_handle.wait(5) and None)
    consumer.inbox.start()
    for number in range(40):
        consumer.inbox.put(number)

    assert [True] == consumer.pauses
    may_handle.set()
    wait_for(lambda: 40 == len(consumer.handled), 5)
    assert [True, False] == consumer.pauses


def test_after_the_end_nothing_is_handled() -> None:
    """What waits is forgotten, and the last word comes behind what is being handled."""
    may_handle, begun = threading.Event(), threading.Event()
    consumer = Consumer(lambda message: begun.set() or (may_handle.wait(5) and None))
    consumer.inbox.start()
    for number in range(5):
        consumer.inbox.put(number)
    begun.wait(5)
    consumer.end()
    consumer.end()
    consumer.inbox.put(6)
    may_handle.set()
    wait_for(lambda: consumer.ends, 5)

    assert [1] == consumer.ends
    assert [0] == consumer.handled


def test_the_end_of_what_was_never_started() -> None:
    """It comes with the start."""
    consumer = Consumer()
    consumer.inbox.put(1)
    consumer.end()
    consumer.inbox.start()
    wait_for(lambda: consumer.ends, 5)

    assert [] == consumer.handled


def test_a_message_that_fails_does_not_stop_the_next() -> None:
    """One bad message costs nobody the others."""

    def fail(message: int) -> None:
        if message == 1:
            raise RuntimeError("no")

    consumer = Consumer(fail)
    consumer.inbox.start()
    for number in range(3):
        consumer.inbox.put(number)
    wait_for(lambda: [0, 2] == consumer.handled, 5)
    consumer.end()
    wait_for(lambda: consumer.ends, 5)
