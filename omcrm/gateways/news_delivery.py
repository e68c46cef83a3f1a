"""Sends news to the subscribers of the symbols that they mention."""

from collections.abc import Callable, Iterable

from omcrm.concurrency import native_lock
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.news.item import NewsItem
from omcrm.gateways.subscribers import EventSubscriber, SymbolSubscribers
from omcrm.streaming.wire import text_frame


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
