import threading
from collections.abc import Callable

from omcrm.streaming.crew import Crew
from omcrm.streaming.inbox import Inbox
from tests.processes import wait_for


class Desk:
    """Handles what comes, and remembers it."""

    def __init__(self, handle: Callable[[int], None] = lambda message: None) -> None:
        self.handled: list[int] = []
        self.pauses: list[bool] = []
        self.ends: list[int] = []
        self._handle = handle
        self.inbox: Inbox[int] = Inbox(Crew(), self._take, self.pauses.append)

    def _take(self, message: int) -> None:
        self._handle(message)
        self.handled.append(message)

    def end(self) -> None:
        self.inbox.end(lambda: self.ends.append(len(self.handled)))


def test_in_order_and_elsewhere() -> None:
    """Whatever the number of threads, a client's messages are handled in its order."""
    threads: set[str] = set()
    desk = Desk(lambda message: threads.add(threading.current_thread().name))
    desk.inbox.start()
    for number in range(500):
        desk.inbox.put(number)
    wait_for(lambda: 500 == len(desk.handled), 5)

    assert list(range(500)) == desk.handled
    assert {"crew"} == threads


def test_nothing_is_handled_before_the_start() -> None:
    """What comes early waits."""
    desk = Desk()
    desk.inbox.put(1)
    desk.inbox.put(2)

    assert [] == desk.handled
    desk.inbox.start()
    wait_for(lambda: [1, 2] == desk.handled, 5)


def test_who_says_too_much_waits() -> None:
    """With thirty-two unanswered nobody reads on, until half of them are handled."""
    gate = threading.Event()
    desk = Desk(lambda message: gate.wait(5) and None)
    desk.inbox.start()
    for number in range(40):
        desk.inbox.put(number)

    assert [True] == desk.pauses
    gate.set()
    wait_for(lambda: 40 == len(desk.handled), 5)
    assert [True, False] == desk.pauses


def test_after_the_end_nothing_is_handled() -> None:
    """What waits is forgotten, and the last word comes behind what is being handled."""
    gate, begun = threading.Event(), threading.Event()
    desk = Desk(lambda message: begun.set() or (gate.wait(5) and None))
    desk.inbox.start()
    for number in range(5):
        desk.inbox.put(number)
    begun.wait(5)
    desk.end()
    desk.end()
    desk.inbox.put(6)
    gate.set()
    wait_for(lambda: desk.ends, 5)

    assert [1] == desk.ends
    assert [0] == desk.handled


def test_the_end_of_what_was_never_started() -> None:
    """It comes with the start."""
    desk = Desk()
    desk.inbox.put(1)
    desk.end()
    desk.inbox.start()
    wait_for(lambda: desk.ends, 5)

    assert [] == desk.handled


def test_a_message_that_fails_does_not_stop_the_next() -> None:
    """One bad message costs nobody the others."""

    def fail(message: int) -> None:
        if message == 1:
            raise RuntimeError("no")

    desk = Desk(fail)
    desk.inbox.start()
    for number in range(3):
        desk.inbox.put(number)
    wait_for(lambda: [0, 2] == desk.handled, 5)
    desk.end()
    wait_for(lambda: desk.ends, 5)
