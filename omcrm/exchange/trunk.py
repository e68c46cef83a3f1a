"""From the one market to the switchboards of all venues."""

from collections.abc import Iterable

from omcrm.exchange.message import Message
from omcrm.exchange.switchboard import Switchboard


class Trunk:
    """What a source publishes to: each venue has a switchboard, and so faults, of its own."""

    def __init__(self, boards: Iterable[Switchboard]) -> None:
        self._boards = tuple(boards)

    def wants(self, stream: str) -> bool:
        """Tell whether anybody receives `stream`."""
        return any(board.wants(stream) for board in self._boards)

    def wanted(self) -> list[str]:
        """Give every stream that somebody receives."""
        return list(dict.fromkeys(name for board in self._boards for name in board.wanted()))

    def publish(self, message: Message) -> None:
        """Queue a message at every venue where somebody receives its stream."""
        for board in self._boards:
            if board.wants(message.stream):
                board.publish(message)

    def flush(self) -> None:
        """Write out what is queued."""
        for board in self._boards:
            board.flush()

    async def drained(self) -> None:
        """Wait until every receiver can take more."""
        for board in self._boards:
            await board.drained()
