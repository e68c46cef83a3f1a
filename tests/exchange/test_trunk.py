import asyncio

import pytest

from omcrm.exchange.message import Message
from omcrm.exchange.switchboard import Switchboard
from omcrm.exchange.trunk import Trunk


class Reader:
    """A receiver that keeps what it got, and how often it was flushed."""

    def __init__(self, board: Switchboard, *streams: str) -> None:
        self.board = board
        self.got: list[Message] = []
        self.flushed = 0
        board.subscribe(self, streams)

    def deliver(self, message: Message) -> None:
        """Keep it."""
        self.board.touch(self)
        self.got.append(message)

    def flush(self) -> None:
        """Count it."""
        self.flushed += 1


def test_every_venue_hears_what_it_wants() -> None:
    """One message goes to all boards that have a receiver for it, and to no other."""
    boards = [Switchboard() for _ in range(3)]
    readers = [Reader(board, *names) for board, names in zip(boards, ["a", "ab", "c"], strict=True)]
    trunk, messages = Trunk(iter(boards)), [Message(name, b"{}") for name in "abcd"]
    for message in messages:
        trunk.publish(message)
    trunk.flush()

    assert [messages[:1], messages[:2], messages[2:3]] == [reader.got for reader in readers]
    assert all(reader.flushed for reader in readers)


def test_what_anybody_wants_is_wanted() -> None:
    """Each stream once, however many venues want it."""
    boards = [Switchboard(), Switchboard()]
    Reader(boards[0], "a", "b")
    Reader(boards[1], "b", "c")
    trunk = Trunk(boards)

    assert ["a", "b", "c"] == trunk.wanted()
    assert [True, True, True, False] == [trunk.wants(stream) for stream in "abcd"]
    assert [] == Trunk([]).wanted()


def test_a_fault_is_that_of_one_board() -> None:
    """Where one venue is mute, the others hear."""
    boards = [Switchboard(), Switchboard()]
    readers = [Reader(board, "a@trade") for board in boards]
    boards[0].mute_all = True
    Trunk(boards).publish(Message("a@trade", b"{}"))

    assert [0, 1] == [len(reader.got) for reader in readers]


@pytest.mark.parametrize("order", [1, -1])
def test_draining_waits_for_the_slowest_of_all(order: int) -> None:
    """As long as a reader of any venue is full, a patient source waits."""

    async def scene() -> list[bool]:
        boards = [Switchboard(), Switchboard()]
        readers = [Reader(board, "a") for board in boards]
        for board, reader in zip(boards, readers, strict=True):
            board.mark_full(reader)
        waiting = asyncio.create_task(Trunk(boards).drained())
        seen = []
        for board, reader in [*zip(boards, readers, strict=True)][::order]:
            await asyncio.sleep(0.01)
            seen.append(waiting.done())
            board.mark_free(reader)
        await asyncio.wait_for(waiting, 1)
        return [*seen, waiting.done()]

    assert [False, False, True] == asyncio.run(scene())
