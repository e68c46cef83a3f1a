"""The subscribers of each symbol."""

from collections.abc import Iterable
from typing import Protocol


class EventSubscriber(Protocol):
    """What receives events."""

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        """Send an event; `framed` is its uncompressed frame, where it is encoded already."""

    def lost(self) -> None:
        """Report that events were lost."""


class SymbolSubscribers:
    """The subscribers of each symbol; not thread-safe: its owner holds a lock for changes."""

    def __init__(self) -> None:
        self._of: dict[str, dict[EventSubscriber, None]] = {}

    def add(self, subscriber: EventSubscriber, symbols: Iterable[str]) -> None:
        """Subscribe to these symbols, too."""
        for symbol in symbols:
            self._of.setdefault(symbol, {})[subscriber] = None

    def remove(self, subscriber: EventSubscriber, symbols: Iterable[str]) -> list[str]:
        """Unsubscribe from these symbols; return those without any subscriber now."""
        unread = []
        for symbol in symbols:
            subscribers = self._of.get(symbol, {})
            subscribers.pop(subscriber, None)
            if not subscribers and self._of.pop(symbol, None) is not None:
                unread.append(symbol)
        return unread

    def symbols(self, subscriber: EventSubscriber) -> list[str]:
        """The symbols that it is subscribed to."""
        return [symbol for symbol, subscribers in self._of.items() if subscriber in subscribers]

    def of(self, symbols: Iterable[str]) -> list[EventSubscriber]:
        """The subscribers of any of these symbols, each once."""
        return list(
            {
                subscriber: None
                for symbol in symbols
                for subscriber in list(self._of.get(symbol, ()))
            }
        )

    def all_subscribers(self) -> list[EventSubscriber]:
        """All subscribers, each once."""
        return self.of(list(self._of))

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._of

    def __bool__(self) -> bool:
        return bool(self._of)
