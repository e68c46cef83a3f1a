"""News, for those who read the symbols that they mention."""

from collections.abc import Callable, Iterable

from omcrm.concurrency import native_lock
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.news.item import NewsItem
from omcrm.gateways.subscribers import EventSubscriber, SymbolSubscribers
from omcrm.streaming.frame import text_frame


class NewsDelivery:
    """Tells each item as it becomes known, once to each reader, in the thread that brings it."""

    def __init__(self, desk: NewsCollector, written: Callable[[NewsItem], str]) -> None:
        self._desk = desk
        self._written = written
        self._lock = native_lock()
        self._readers = SymbolSubscribers()

    @property
    def is_served(self) -> bool:
        """Whether there are any sources of news."""
        return bool(self._desk.status())

    def watch(self, reader: EventSubscriber, symbols: Iterable[str]) -> None:
        """Tell this reader the news that mention one of these symbols."""
        self._desk.listen(self.take)
        with self._lock:
            self._readers.add(reader, symbols)

    def unwatch(self, reader: EventSubscriber, symbols: Iterable[str]) -> None:
        """Tell it no more of these."""
        with self._lock:
            self._readers.remove(reader, symbols)

    def leave(self, reader: EventSubscriber) -> None:
        """It is gone."""
        with self._lock:
            self._readers.remove(reader, self._readers.symbols(reader))

    def take(self, item: NewsItem) -> None:
        """Tell an item."""
        with self._lock:
            readers = self._readers.of(item.symbols)
        if not readers:
            return
        payload = self._written(item).encode()
        framed = text_frame(payload)
        for reader in readers:
            reader.send_framed(payload, framed)
