import asyncio

import pytest

from simulator.publisher_group import PublisherGroup
from simulator.stream_message import StreamMessage
from simulator.stream_subscriptions import StreamSubscriptions


class CountingReceiver:
    """A receiver that keeps its messages and counts flushes."""

    def __init__(self, subscriptions: StreamSubscriptions, *streams: str) -> None:
        self.subscriptions = subscriptions
        self.got: list[StreamMessage] = []
        self.flushed = 0
        subscriptions.subscribe(self, streams)

    def deliver(self, message: StreamMessage) -> None:
        """Keep it."""
        self.subscriptions.touch(self)
        self.got.append(message)

    def flush(self) -> None:
        """Count it."""
        self.flushed += 1


def test_every_provider_gets_its_streams() -> None:
    """A message goes to all members with a subscriber, and to no other."""
    boards = [StreamSubscriptions() for _ in range(3)]
    readers = [
        CountingReceiver(subscriptions, *names)
        for subscriptions, names in zip(boards, ["a", "ab", "c"], strict=True)
    ]
    group, messages = PublisherGroup(iter(boards)), [StreamMessage(name, b"{}") for name in "abcd"]
    for message in messages:
        group.publish(message)
    group.flush()

    assert [messages[:1], messages[:2], messages[2:3]] == [reader.got for reader in readers]
    assert all(reader.flushed for reader in readers)


def test_streams_of_all_members_are_wanted() -> None:
    """Each stream once, however many providers want it."""
    boards = [StreamSubscriptions(), StreamSubscriptions()]
    CountingReceiver(boards[0], "a", "b")
    CountingReceiver(boards[1], "b", "c")
    group = PublisherGroup(boards)

    assert ["a", "b", "c"] == group.wanted()
    assert [True, True, True, False] == [group.wants(stream) for stream in "abcd"]
    assert [] == PublisherGroup([]).wanted()


def test_a_fault_is_that_of_one_member() -> None:
    """Where one provider is muted, the others receive."""
    boards = [StreamSubscriptions(), StreamSubscriptions()]
    readers = [CountingReceiver(subscriptions, "a@trade") for subscriptions in boards]
    boards[0].mute_all = True
    PublisherGroup(boards).publish(StreamMessage("a@trade", b"{}"))

    assert [0, 1] == [len(reader.got) for reader in readers]


@pytest.mark.parametrize("order", [1, -1])
def test_draining_waits_for_the_slowest_of_all(order: int) -> None:
    """While a reader of any provider is full, the source waits."""

    async def scenario() -> list[bool]:
        boards = [StreamSubscriptions(), StreamSubscriptions()]
        readers = [CountingReceiver(subscriptions, "a") for subscriptions in boards]
        for subscriptions, reader in zip(boards, readers, strict=True):
            subscriptions.mark_full(reader)
        waiting = asyncio.create_task(PublisherGroup(boards).drained())
        seen = []
        for subscriptions, reader in [*zip(boards, readers, strict=True)][::order]:
            await asyncio.sleep(0.01)
            seen.append(waiting.done())
            subscriptions.mark_free(reader)
        await asyncio.wait_for(waiting, 1)
        return [*seen, waiting.done()]

    assert [False, False, True] == asyncio.run(scenario())
