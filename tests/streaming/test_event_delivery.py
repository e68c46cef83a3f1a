"""The delivery of user events by a thread, from a store in memory; `tests/web` has the database."""

import random
import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from omcrm.streaming.client_registry import ClientRegistry
from omcrm.streaming.client_session import ClientLimits
from omcrm.streaming.event_delivery import EventDelivery
from omcrm.wire.user_event import (
    EventsExpired,
    NoticeCode,
    ResumeAfter,
    ResumeAnswer,
    UserMessage,
    UserNotice,
)
from tests.processes import wait_for
from tests.streaming.clients import IdleClient, Owner, client_of
from tests.threads import Threads

LIMITS = ClientLimits(1_000, 50)


NAMES = {UserNotice: "notice", ResumeAnswer: "resumed", EventsExpired: "reload"}


class Reader(IdleClient):
    """A client that keeps its messages; `room` is how many more it takes before it blocks."""

    takes_events = True

    def __init__(self, user_id: int = 1) -> None:
        super().__init__("reader", Owner(user_id), "", LIMITS)
        self.messages: list[tuple[str, int]] = []
        self.room = 1_000_000

    def can_take_events(self) -> bool:
        return self.room > 0

    def send_user_message(self, message: UserMessage) -> None:
        self.room -= 1
        self.messages.append((NAMES[type(message)], message.event))

    def numbers(self) -> list[int]:
        return [number for kind, number in self.messages if kind == "notice"]


class Events:
    """Stored events of users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[int, list[tuple[int, datetime]]] = {}
        self.error: Exception | None = None
        self.reads = 0

    def write(self, user_id: int = 1, number: int = 1) -> None:
        with self._lock:
            events = self._events.setdefault(user_id, [])
            for _ in range(number):
                events.append((1 + (events[-1][0] if events else 0), datetime.now(UTC)))

    def prune(self, user_id: int, kept: int) -> None:
        with self._lock:
            self._events[user_id] = self._events[user_id][-kept:]

    def last_numbers(self, user_ids: Collection[int]) -> dict[int, int]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        with self._lock:
            return {user: self._events[user][-1][0] for user in user_ids if user in self._events}

    def first_since(self, user_ids: Collection[int], at: datetime) -> dict[int, int]:
        with self._lock:
            later = {
                user: [number for number, then in self._events.get(user, []) if then >= at]
                for user in user_ids
            }
        return {user: numbers[0] for user, numbers in later.items() if numbers}

    def events_after(self, user_id: int, number: int, most: int) -> Sequence[UserNotice]:
        with self._lock:
            later = [item for item, _ in self._events.get(user_id, []) if item > number]
        return [
            UserNotice(event=item, code=NoticeCode.OTHER, message="", at="")
            for item in later[:most]
        ]

    def is_away(self, error: Exception) -> bool:
        return isinstance(error, ConnectionError)


class EventServer:
    """A registry with a delivery of stored events."""

    def __init__(self) -> None:
        self.clients = ClientRegistry()
        self.events = Events()
        self.delivery = EventDelivery(self.clients, self.events, every=0.02)

    def connect(self, user_id: int = 1, *, resume: int | None = None) -> Reader:
        reader = Reader(user_id)
        self.clients.add(reader)
        self.delivery.resume(reader, ResumeAfter(resume))
        return reader


@pytest.fixture
def desk(threads: Threads) -> Iterator[EventServer]:
    """Everything that is connected at the end is disconnected."""
    desk = EventServer()
    yield desk
    for client in desk.clients.clients():
        desk.clients.remove(client)
    threads.wait()


def test_a_client_gets_what_is_written_after_it_connected(desk: EventServer) -> None:
    """Of its own user only, whoever is told first."""
    desk.events.write(1, 5)
    mine, theirs = desk.connect(1), desk.connect(2)
    wait_for(lambda: mine.messages and theirs.messages)
    desk.events.write(1, 2)
    desk.events.write(2)
    desk.delivery.note_written([1])
    wait_for(lambda: (len(mine.messages), len(theirs.messages)) == (3, 2))

    assert [("resumed", 5), ("notice", 6), ("notice", 7)] == mine.messages
    assert [("resumed", 0), ("notice", 1)] == theirs.messages


def test_a_client_that_never_resumes_gets_its_events(desk: EventServer) -> None:
    """All since it connected, although they wait for a resume first."""
    desk.events.write(1, 3)
    reader = Reader()
    desk.clients.add(reader)
    desk.events.write(1, 2)
    wait_for(lambda: len(reader.messages) == 2)

    assert [4, 5] == reader.numbers()


def test_a_client_that_comes_back_gets_what_it_missed(desk: EventServer) -> None:
    """In order, and once."""
    desk.events.write(1, 500)
    reader = desk.connect(resume=10)
    wait_for(lambda: len(reader.numbers()) == 490)
    desk.events.write(1, 3)
    wait_for(lambda: len(reader.numbers()) == 493)

    assert ("resumed", 10) == reader.messages[0]
    assert list(range(11, 504)) == reader.numbers()


@pytest.mark.parametrize("since", [0, 3, 99])
def test_a_client_that_was_away_too_long_must_reload(desk: EventServer, since: int) -> None:
    """Also one with a number that does not exist yet; later events follow."""
    desk.events.write(1, 10)
    desk.events.prune(1, 5)
    reader = desk.connect(resume=since)
    wait_for(lambda: reader.messages)
    desk.events.write(1)
    wait_for(lambda: len(reader.messages) == 2)

    assert [("reload", 10), ("notice", 11)] == reader.messages


@pytest.mark.parametrize("since", [5, 9, 10])
def test_what_is_stored_still_can_be_resumed(desk: EventServer, since: int) -> None:
    """Up to the first event after the deleted ones."""
    desk.events.write(1, 10)
    desk.events.prune(1, 5)
    reader = desk.connect(resume=since)
    wait_for(lambda: len(reader.messages) == 11 - since)

    assert [("resumed", since), *(("notice", n) for n in range(since + 1, 11))] == reader.messages


def test_a_client_that_does_not_read_gets_its_events_later(desk: EventServer) -> None:
    """Nothing is lost, and others do not wait for it."""
    slow, quick = desk.connect(), desk.connect()
    wait_for(lambda: slow.messages and quick.messages)
    slow.room = 0
    desk.events.write(1, 1_000)
    wait_for(lambda: len(quick.numbers()) == 1_000)
    assert [] == slow.numbers()
    slow.room = 1_000_000
    wait_for(lambda: len(slow.numbers()) == 1_000)

    assert list(range(1, 1_001)) == slow.numbers() == quick.numbers()


def test_only_a_client_with_events_is_tried_again() -> None:
    """One with nothing to read is not looked up because it does not read."""
    events, reader = Events(), Reader()
    delivery = EventDelivery(ClientRegistry(), events)
    reader.event_cursor.ask(ResumeAfter())
    assert [] == delivery._deliver({1: [reader]})
    reader.room = 0

    assert [] == delivery._deliver({1: [reader]})
    events.write(1)
    assert [1] == delivery._deliver({1: [reader]})


@pytest.mark.parametrize("error", [ConnectionError("away"), RuntimeError("broken")])
def test_nothing_is_lost_while_the_store_is_away(desk: EventServer, error: Exception) -> None:
    """Events are delivered when it is back."""
    reader = desk.connect()
    wait_for(lambda: reader.messages)
    desk.events.error = error
    desk.events.write(1, 3)
    reads = desk.events.reads
    wait_for(lambda: desk.events.reads > reads + 1)
    desk.events.error = None
    wait_for(lambda: len(reader.numbers()) == 3)


def test_anonymous_clients_and_other_dialects_are_left_alone(desk: EventServer) -> None:
    """Nothing is read for them."""
    desk.clients.add(client_of(1))
    desk.clients.add(IdleClient("reader", None, "127.0.0.1", LIMITS))
    reads = desk.events.reads
    reader = desk.connect(2)
    wait_for(lambda: reader.messages)
    desk.clients.remove(reader)
    reads = desk.events.reads
    desk.delivery.note_written([1])
    desk.events.write(1)

    assert desk.events.reads <= reads + 1


@pytest.mark.parametrize("seed", range(5))
def test_random_disconnects_lose_and_repeat_nothing(
    desk: EventServer, seed: int, restless: None
) -> None:
    """Whenever a client goes and comes back with its last number."""
    chance = random.Random(seed)
    received: list[int] = []
    reader = desk.connect(resume=0)
    for _ in range(60):
        desk.events.write(1, chance.randrange(4))
        if chance.random() < 0.5:
            desk.delivery.note_written([1])
        if chance.random() < 0.3:
            desk.clients.remove(reader)
            # What it has read before it was disconnected.
            received += reader.numbers()[: chance.randrange(10)]
            reader = desk.connect(resume=len(received))
    desk.events.write(1)
    [last] = desk.events.last_numbers([1]).values()
    wait_for(lambda: len(received) + len(reader.numbers()) >= last)

    assert list(range(1, last + 1)) == received + reader.numbers()
