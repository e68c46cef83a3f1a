import threading
from collections.abc import Callable

from omcrm.streaming.inbox import Inbox
from omcrm.streaming.worker_pool import WorkerPool
from tests.processes import PATIENCE, wait_for


class Consumer:
    """Handles messages of an inbox, and records them."""

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


def test_messages_are_handled_in_order_by_workers() -> None:
    """With any number of threads, a client's messages are handled in order."""
    threads: set[str] = set()
    consumer = Consumer(lambda message: threads.add(threading.current_thread().name))
    consumer.inbox.start()
    for number in range(500):
        consumer.inbox.put(number)
    wait_for(lambda: 500 == len(consumer.handled), 5)

    assert list(range(500)) == consumer.handled
    assert {"worker"} == threads


def test_nothing_is_handled_before_the_start() -> None:
    """Early messages wait."""
    consumer = Consumer()
    consumer.inbox.put(1)
    consumer.inbox.put(2)

    assert [] == consumer.handled
    consumer.inbox.start()
    wait_for(lambda: [1, 2] == consumer.handled, 5)


def test_reading_pauses_with_too_many_messages() -> None:
    """With thirty-two unhandled messages reading pauses, until half of them are handled."""
    may_handle = threading.Event()
    consumer = Consumer(lambda message: may_handle.wait(PATIENCE) and None)
    consumer.inbox.start()
    for number in range(40):
        consumer.inbox.put(number)

    assert [True] == consumer.pauses
    may_handle.set()
    wait_for(lambda: 40 == len(consumer.handled), 5)
    assert [True, False] == consumer.pauses


def test_after_the_end_nothing_is_handled() -> None:
    """Queued messages are dropped, and `last` is called after the one being handled."""
    may_handle, begun = threading.Event(), threading.Event()
    consumer = Consumer(lambda message: begun.set() or (may_handle.wait(PATIENCE) and None))
    consumer.inbox.start()
    for number in range(5):
        consumer.inbox.put(number)
    begun.wait(PATIENCE)
    consumer.end()
    consumer.end()
    consumer.inbox.put(6)
    may_handle.set()
    wait_for(lambda: consumer.ends, 5)

    assert [1] == consumer.ends
    assert [0] == consumer.handled


def test_ending_before_the_start() -> None:
    """`last` is called at the start."""
    consumer = Consumer()
    consumer.inbox.put(1)
    consumer.end()
    consumer.inbox.start()
    wait_for(lambda: consumer.ends, 5)

    assert [] == consumer.handled


def test_a_message_that_fails_does_not_stop_the_next() -> None:
    """One failing message does not affect the others."""

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
