"""Which connection receives which stream; every market message passes here, and faults may stop
it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from simulator.stream_message import StreamMessage
from simulator.stream_name import symbol_of

# A replay waits for held messages as for slow readers, so that they stay bounded.
HELD_LIMIT = 20_000


class Receiver(Protocol):
    """A connection that messages are delivered to."""

    def deliver(self, message: StreamMessage) -> None:
        """Queue a message for the next flush."""

    def flush(self) -> None:
        """Write what is queued."""


class StreamSubscriptions:
    """The receivers of each stream; `mute_all`, `muted`, `delay` and `distort`, which
    changes messages, are its faults. While a message that was held is delivered, `late` is for how
    long it was, in ms.
    """

    def __init__(self) -> None:
        self.mute_all = False
        self.muted: frozenset[str] = frozenset()
        self.delay = 0.0
        self.late = 0
        self.distort: Callable[[StreamMessage], StreamMessage] | None = None
        self._receivers: dict[str, dict[Receiver, None]] = {}
        self._dirty: list[Receiver] = []
        self._full: set[Receiver] = set()
        self._space = asyncio.Event()
        # When each is due, and since when it is held.
        self._held: deque[tuple[float, float, StreamMessage]] = deque()
        self._release: asyncio.TimerHandle | None = None

    def subscribe(self, receiver: Receiver, streams: Iterable[str]) -> None:
        """Deliver `streams` to `receiver` from now on."""
        for stream in streams:
            self._receivers.setdefault(stream, {})[receiver] = None

    def unsubscribe(self, receiver: Receiver, streams: Iterable[str]) -> None:
        """Stop delivering `streams` to `receiver`."""
        for stream in streams:
            receivers = self._receivers.get(stream, {})
            receivers.pop(receiver, None)
            if not receivers:
                self._receivers.pop(stream, None)

    def wants(self, stream: str) -> bool:
        """Return whether `stream` has subscribers."""
        return stream in self._receivers

    def wanted(self) -> list[str]:
        """Return every stream that has subscribers."""
        return list(self._receivers)

    def publish(self, message: StreamMessage) -> None:
        """Queue a message for all subscribers of its stream; `flush` sends it."""
        if self.delay or self._held:
            self._hold(message)
        else:
            self._pass_on(message)

    def touch(self, receiver: Receiver) -> None:
        """Note that `receiver` has something queued."""
        self._dirty.append(receiver)

    def flush(self) -> None:
        """Write what is queued for every receiver."""
        dirty, self._dirty = self._dirty, []
        for receiver in dirty:
            receiver.flush()

    # Slow readers

    def mark_full(self, receiver: Receiver) -> None:
        """Note that `receiver` does not accept more for now."""
        self._full.add(receiver)

    def mark_free(self, receiver: Receiver) -> None:
        """Note that `receiver` accepts more, or has ended."""
        self._full.discard(receiver)
        self._space.set()

    async def drained(self) -> None:
        """Wait until every receiver accepts more."""
        while self._full or len(self._held) > HELD_LIMIT:
            self._space.clear()
            await self._space.wait()

    # Faults

    def release_held(self) -> None:
        """Publish the held messages that are due; all of them once the delay has been cleared."""
        self._release = None
        loop = asyncio.get_running_loop()
        while self._held and (not self.delay or self._held[0][0] <= loop.time()):
            _, since, message = self._held.popleft()
            self.late = round((loop.time() - since) * 1000)
            self._pass_on(message)
        self.late = 0
        self.flush()
        self._space.set()
        if self._held:
            self._release = loop.call_at(self._held[0][0], self.release_held)

    def _hold(self, message: StreamMessage) -> None:
        loop = asyncio.get_running_loop()
        self._held.append((loop.time() + self.delay, loop.time(), message))
        if self._release is None:
            self._release = loop.call_at(self._held[0][0], self.release_held)

    def _pass_on(self, message: StreamMessage) -> None:
        receivers = self._receivers.get(message.stream)
        if receivers and not self._is_silent(message.stream):
            if self.distort is not None:
                message = self.distort(message)
            for receiver in receivers:
                receiver.deliver(message)

    def _is_silent(self, stream: str) -> bool:
        if self.mute_all:
            return True
        return bool(self.muted) and symbol_of(stream) in self.muted
