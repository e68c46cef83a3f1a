import asyncio

from simulator import stream_subscriptions
from simulator.stream_message import StreamMessage
from simulator.stream_subscriptions import StreamSubscriptions


class CountingReceiver:
    """A receiver that keeps its streams and counts flushes."""

    def __init__(self, subscriptions: StreamSubscriptions) -> None:
        self.subscriptions = subscriptions
        self.got: list[str] = []
        self.flushed = 0

    def deliver(self, message: StreamMessage) -> None:
        """Keep it."""
        self.subscriptions.touch(self)
        self.got.append(message.stream)

    def flush(self) -> None:
        """Count it."""
        self.flushed += 1


def joined(*streams: str) -> tuple[StreamSubscriptions, CountingReceiver]:
    """The subscriptions with one receiver of these streams."""
    subscriptions = StreamSubscriptions()
    reader = CountingReceiver(subscriptions)
    subscriptions.subscribe(reader, streams)
    return subscriptions, reader


def publish(subscriptions: StreamSubscriptions, *streams: str) -> None:
    """Publish one message of each stream."""
    for stream in streams:
        subscriptions.publish(StreamMessage(stream, b"{}"))
    subscriptions.flush()


def test_a_message_reaches_its_subscribers() -> None:
    """Streams without subscribers go nowhere, and unsubscribing ends delivery."""
    subscriptions, reader = joined("a@trade", "b@trade")
    publish(subscriptions, "a@trade", "c@trade")
    subscriptions.unsubscribe(reader, ["a@trade", "never@there"])
    publish(subscriptions, "a@trade", "b@trade")

    assert ["a@trade", "b@trade"] == reader.got
    assert ["b@trade"] == subscriptions.wanted()
    assert not subscriptions.wants("a@trade")
    assert 2 == reader.flushed


def test_mute_silences_symbols() -> None:
    """All symbols, or only those named, are silent."""
    subscriptions, reader = joined("a@trade", "b@trade")
    subscriptions.muted = frozenset({"A"})
    publish(subscriptions, "a@trade", "b@trade")
    subscriptions.muted = frozenset({"B"})
    publish(subscriptions, "a@trade", "b@trade")
    subscriptions.mute_all = True
    publish(subscriptions, "a@trade")

    assert ["b@trade", "a@trade"] == reader.got


def test_a_delay_keeps_the_order_and_ends_with_its_rest() -> None:
    """Held messages come later in their order; those after the delay come after them."""

    async def scenario() -> tuple[list[str], list[str]]:
        subscriptions, reader = joined("a@trade", "b@trade")
        subscriptions.delay = 0.05
        publish(subscriptions, "a@trade", "b@trade")
        early = list(reader.got)
        await asyncio.sleep(0.1)
        publish(subscriptions, "b@trade")
        subscriptions.delay = 0.0
        publish(subscriptions, "a@trade")
        subscriptions.release_held()
        return early, reader.got

    early, late = asyncio.run(scenario())

    assert [] == early
    assert ["a@trade", "b@trade", "b@trade", "a@trade"] == late


def test_draining_waits_for_the_slowest() -> None:
    """While one receiver is full, the source waits."""

    async def scenario() -> tuple[bool, bool]:
        subscriptions, reader = joined("a@trade")
        subscriptions.mark_full(reader)
        waiting = asyncio.create_task(subscriptions.drained())
        await asyncio.sleep(0.01)
        before = waiting.done()
        subscriptions.mark_free(reader)
        await asyncio.wait_for(waiting, 1)
        return before, waiting.done()

    assert (False, True) == asyncio.run(scenario())


def test_draining_waits_for_held_messages_too(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """What a delay holds back is bounded."""
    monkeypatch.setattr(stream_subscriptions, "HELD_LIMIT", 1)

    async def scenario() -> bool:
        subscriptions, _ = joined("a@trade")
        subscriptions.delay = 0.03
        publish(subscriptions, "a@trade", "a@trade", "a@trade")
        waiting = asyncio.create_task(subscriptions.drained())
        await asyncio.sleep(0)
        before = waiting.done()
        await asyncio.wait_for(waiting, 1)
        return before

    assert asyncio.run(scenario()) is False
