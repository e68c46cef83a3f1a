"""The subscribers of each symbol, and the delivery of news to them."""

from collections.abc import Callable, Iterable
from typing import Protocol

from omcrm.concurrency import native_lock
from omcrm.feeds.news.collector import NewsCollector
from omcrm.market.news_item import NewsItem
from omcrm.streaming.frame import text_frame


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


class NewsDelivery:
    """Sends each item as it is collected, once to each subscriber, in the collector's thread."""

    def __init__(self, collector: NewsCollector, encode: Callable[[NewsItem], str]) -> None:
        self._collector = collector
        self._encode = encode
        self._lock = native_lock()
        self._subscribers = SymbolSubscribers()

    @property
    def is_served(self) -> bool:
        """Whether there are any sources of news."""
        return bool(self._collector.status())

    def subscribe(self, subscriber: EventSubscriber, symbols: Iterable[str]) -> None:
        """Send this subscriber the news that mention one of these symbols."""
        self._collector.listen(self.take)
        with self._lock:
            self._subscribers.add(subscriber, symbols)

    def unsubscribe(self, subscriber: EventSubscriber, symbols: Iterable[str]) -> None:
        """Stop sending it news of these symbols."""
        with self._lock:
            self._subscribers.remove(subscriber, symbols)

    def remove(self, subscriber: EventSubscriber) -> None:
        """Remove a subscriber from all its symbols."""
        with self._lock:
            self._subscribers.remove(subscriber, self._subscribers.symbols(subscriber))

    def take(self, item: NewsItem) -> None:
        """Send an item to the subscribers of its symbols."""
        with self._lock:
            subscribers = self._subscribers.of(item.symbols)
        if not subscribers:
            return
        payload = self._encode(item).encode()
        framed = text_frame(payload)
        for subscriber in subscribers:
            subscriber.send_framed(payload, framed)
