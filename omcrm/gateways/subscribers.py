"""Who reads which symbols."""

from collections.abc import Iterable
from typing import Protocol


class EventSubscriber(Protocol):
    """Who is told events."""

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        """Send an event; `framed` is the same as a plain frame, where somebody has made it."""

    def lost(self) -> None:
        """Some were lost."""


class SymbolSubscribers:
    """The readers of each symbol; its owner sees to it that one thread at a time changes it."""

    def __init__(self) -> None:
        self._of: dict[str, dict[EventSubscriber, None]] = {}

    def add(self, reader: EventSubscriber, symbols: Iterable[str]) -> None:
        """Let it read these, too."""
        for symbol in symbols:
            self._of.setdefault(symbol, {})[reader] = None

    def remove(self, reader: EventSubscriber, symbols: Iterable[str]) -> list[str]:
        """Let it read these no more; those that nobody reads now."""
        unread = []
        for symbol in symbols:
            readers = self._of.get(symbol, {})
            readers.pop(reader, None)
            if not readers and self._of.pop(symbol, None) is not None:
                unread.append(symbol)
        return unread

    def symbols(self, reader: EventSubscriber) -> list[str]:
        """What it reads."""
        return [symbol for symbol, readers in self._of.items() if reader in readers]

    def of(self, symbols: Iterable[str]) -> list[EventSubscriber]:
        """Who reads any of these, each once."""
        return list(
            {reader: None for symbol in symbols for reader in list(self._of.get(symbol, ()))}
        )

    def everybody(self) -> list[EventSubscriber]:
        """All readers, each once."""
        return self.of(list(self._of))

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._of

    def __bool__(self) -> bool:
        return bool(self._of)
