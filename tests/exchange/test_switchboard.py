import asyncio

from omcrm.exchange import switchboard
from omcrm.exchange.message import Message
from omcrm.exchange.switchboard import Switchboard


class Reader:
    """A receiver that keeps the streams it got, and how often it was flushed."""

    def __init__(self, board: Switchboard) -> None:
        self.board = board
        self.got: list[str] = []
        self.flushed = 0

    def deliver(self, message: Message) -> None:
        """Keep it."""
        self.board.touch(self)
        self.got.append(message.stream)

    def flush(self) -> None:
        """Count it."""
        self.flushed += 1


def joined(*streams: str) -> tuple[Switchboard, Reader]:
    """A switchboard with one reader of these streams."""
    board = Switchboard()
    reader = Reader(board)
    board.subscribe(reader, streams)
    return board, reader


def publish(board: Switchboard, *streams: str) -> None:
    """Publish one message of each stream."""
    for stream in streams:
        board.publish(Message(stream, b"{}"))
    board.flush()


def test_a_message_reaches_who_asked_for_it() -> None:
    """Streams nobody wants go nowhere, and unsubscribing ends delivery."""
    board, reader = joined("a@trade", "b@trade")
    publish(board, "a@trade", "c@trade")
    board.unsubscribe(reader, ["a@trade", "never@there"])
    publish(board, "a@trade", "b@trade")

    assert ["a@trade", "b@trade"] == reader.got
    assert ["b@trade"] == board.wanted()
    assert not board.wants("a@trade")
    assert 2 == reader.flushed


def test_mute_and_delisting_silence_symbols() -> None:
    """All symbols, or only those named, fall silent."""
    board, reader = joined("a@trade", "b@trade")
    board.muted = frozenset({"A"})
    publish(board, "a@trade", "b@trade")
    board.muted, board.delisted = frozenset(), frozenset({"B"})
    publish(board, "a@trade", "b@trade")
    board.mute_all = True
    publish(board, "a@trade")

    assert ["b@trade", "a@trade"] == reader.got


def test_a_delay_keeps_the_order_and_ends_with_its_rest() -> None:
    """Held messages come later in their order; those after the delay come after them."""

    async def scene() -> tuple[list[str], list[str]]:
        board, reader = joined("a@trade", "b@trade")
        board.delay = 0.05
        publish(board, "a@trade", "b@trade")
        early = list(reader.got)
        await asyncio.sleep(0.1)
        publish(board, "b@trade")
        board.delay = 0.0
        publish(board, "a@trade")
        board.release_held()
        return early, reader.got

    early, late = asyncio.run(scene())

    assert [] == early
    assert ["a@trade", "b@trade", "b@trade", "a@trade"] == late


def test_draining_waits_for_the_slowest() -> None:
    """As long as one reader is full, a patient source waits."""

    async def scene() -> tuple[bool, bool]:
        board, reader = joined("a@trade")
        board.mark_full(reader)
        waiting = asyncio.create_task(board.drained())
        await asyncio.sleep(0.01)
        before = waiting.done()
        board.mark_free(reader)
        await asyncio.wait_for(waiting, 1)
        return before, waiting.done()

    assert (False, True) == asyncio.run(scene())


def test_a_patient_source_waits_for_held_messages_too(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """What a delay holds back is bounded."""
    monkeypatch.setattr(switchboard, "HELD_LIMIT", 1)

    async def scene() -> bool:
        board, _ = joined("a@trade")
        board.delay = 0.03
        publish(board, "a@trade", "a@trade", "a@trade")
        waiting = asyncio.create_task(board.drained())
        await asyncio.sleep(0)
        before = waiting.done()
        await asyncio.wait_for(waiting, 1)
        return before

    assert asyncio.run(scene()) is False
