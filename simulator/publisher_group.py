"""Publishes the one market to the subscriptions of all providers."""

from collections.abc import Iterable

from simulator.stream_message import StreamMessage
from simulator.stream_subscriptions import StreamSubscriptions


class PublisherGroup:
    """The publisher of a source; each provider has its own subscriptions, and so its own faults."""

    def __init__(self, members: Iterable[StreamSubscriptions]) -> None:
        self._members = tuple(members)

    def wants(self, stream: str) -> bool:
        """Return whether `stream` has subscribers."""
        return any(member.wants(stream) for member in self._members)

    def wanted(self) -> list[str]:
        """Return every stream that has subscribers."""
        return list(dict.fromkeys(name for member in self._members for name in member.wanted()))

    def publish(self, message: StreamMessage) -> None:
        """Queue a message at every provider where its stream has subscribers."""
        for member in self._members:
            if member.wants(message.stream):
                member.publish(message)

    def flush(self) -> None:
        """Write what is queued."""
        for member in self._members:
            member.flush()

    async def drained(self) -> None:
        """Wait until every receiver accepts more."""
        for member in self._members:
            await member.drained()
