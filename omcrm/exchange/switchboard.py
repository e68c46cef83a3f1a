"""Who receives which stream; every market message passes here, and faults may stop it."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from omcrm.exchange.message import Message
from omcrm.exchange.stream import symbol_of

# A tape waits for held messages as it waits for slow readers, so that they stay bounded.
HELD_LIMIT = 20_000


class Receiver(Protocol):
    """A connection that streams are delivered to."""

    def deliver(self, message: Message) -> None:
        """Queue a message for the next flush."""

    def flush(self) -> None:
        """Write out what is queued."""


class Switchboard:
    """Streams to receivers; `mute_all`, `muted`, `delisted` and `delay` are the faults it knows."""

    def __init__(self) -> None:
        self.mute_all = False
        self.muted: frozenset[str] = frozenset()
        self.delisted: frozenset[str] = frozenset()
        self.delay = 0.0
        self._receivers: dict[str, dict[Receiver, None]] = {}
        self._dirty: list[Receiver] = []
        self._full: set[Receiver] = set()
        self._room = asyncio.Event()
        self._held: deque[tuple[float, Message]] = deque()
        self._release: asyncio.TimerHandle | None = None

    def subscribe(self, receiver: Receiver, streams: Iterable[str]) -> None:
        """Deliver `streams` to `receiver` from now on."""
        for stream in streams:
            self._receivers.setdefault(stream, {})[receiver] = None

    def unsubscribe(self, receiver: Receiver, streams: Iterable[str]) -> None:
        """Deliver `streams` to `receiver` no longer."""
        for stream in streams:
            receivers = self._receivers.get(stream, {})
            receivers.pop(receiver, None)
            if not receivers:
                self._receivers.pop(stream, None)

    def wants(self, stream: str) -> bool:
        """Tell whether anybody receives `stream`."""
        return stream in self._receivers

    def wanted(self) -> list[str]:
        """Give every stream that somebody receives."""
        return list(self._receivers)

    def publish(self, message: Message) -> None:
        """Queue a message for all who receive its stream; `flush` sends it."""
        if self.delay or self._held:
            self._hold(message)
        else:
            self._pass_on(message)

    def touch(self, receiver: Receiver) -> None:
        """Remember that `receiver` has something queued."""
        self._dirty.append(receiver)

    def flush(self) -> None:
        """Write out what is queued for every receiver."""
        dirty, self._dirty = self._dirty, []
        for receiver in dirty:
            receiver.flush()

    # Slow readers

    def mark_full(self, receiver: Receiver) -> None:
        """Note that `receiver` cannot take more for now."""
        self._full.add(receiver)

    def mark_free(self, receiver: Receiver) -> None:
        """Note that `receiver` can take more, or is gone."""
        self._full.discard(receiver)
        self._room.set()

    async def drained(self) -> None:
        """Wait until every receiver can take more."""
        while self._full or len(self._held) > HELD_LIMIT:
            self._room.clear()
            await self._room.wait()

    # Faults

    def release_held(self) -> None:
        """Send on what a delay holds back and is due, all of it once the delay is over."""
        self._release = None
        loop = asyncio.get_running_loop()
        while self._held and (not self.delay or self._held[0][0] <= loop.time()):
            self._pass_on(self._held.popleft()[1])
        self.flush()
        self._room.set()
        if self._held:
            self._release = loop.call_at(self._held[0][0], self.release_held)

    def _hold(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        self._held.append((loop.time() + self.delay, message))
        if self._release is None:
            self._release = loop.call_at(self._held[0][0], self.release_held)

    def _pass_on(self, message: Message) -> None:
        receivers = self._receivers.get(message.stream)
        if receivers and not self._is_silent(message.stream):
            for receiver in receivers:
                receiver.deliver(message)

    def _is_silent(self, stream: str) -> bool:
        if self.mute_all:
            return True
        if not self.muted and not self.delisted:
            return False
        symbol = symbol_of(stream)
        return symbol in self.muted or symbol in self.delisted
