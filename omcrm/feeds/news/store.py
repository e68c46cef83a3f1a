"""The newest items of all sources, without duplicates."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta

from msgspec import structs

from omcrm.feeds.news.headline import HeadlineWords, headline
from omcrm.feeds.news.mention import Mentions
from omcrm.market.news_item import NewsItem

# More ids than all answers together have: an item that has left the store does not come back.
_REMEMBERED = 10_000
_SAME_STORY = timedelta(days=1)


class NewsStore:
    """Keeps the newest `most` items; thread-safe."""

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._mentions = Mentions()
        self._held: dict[str, tuple[NewsItem, HeadlineWords]] = {}
        self._newest: tuple[NewsItem, ...] = ()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._number = 0

    def latest(self, limit: int, symbol: str | None = None) -> list[NewsItem]:
        """The newest items, the newest first; those that mention `symbol`, where one is given."""
        items = self._newest
        chosen = [item for item in items if symbol is None or symbol in item.symbols]
        return chosen[: max(0, limit)]

    def mention(self, mentions: Mentions) -> None:
        """Mark these instruments from now on, also in the items that are kept already."""
        with self._lock:
            self._mentions = mentions
            self._held = {
                id_: (self._marked(item), words) for id_, (item, words) in self._held.items()
            }
            self._order()

    def take(self, items: Iterable[NewsItem]) -> list[NewsItem]:
        """Keep these; returns the unknown ones, in the order in which they were published.

        An item with the headline of another source's item of the same day is known. A known item
        whose text was corrected is replaced.
        """
        with self._lock:
            added = [item.id for item in sorted(items, key=lambda news: news.at) if self._add(item)]
            self._order()
            return [self._held[id_][0] for id_ in added if id_ in self._held]

    def _add(self, item: NewsItem) -> bool:
        before = self._held.get(item.id)
        is_known = item.id in self._known
        self._known[item.id] = None
        self._known.move_to_end(item.id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        if before is not None:
            self._correct(before[0], item)
            return False
        words = headline(item.title)
        if is_known or self._is_duplicate(item, words):
            return False
        self._number += 1
        self._held[item.id] = (self._marked(structs.replace(item, seq=self._number)), words)
        return True

    def _correct(self, before: NewsItem, item: NewsItem) -> None:
        same = structs.replace(
            item, seq=before.seq, received_at=before.received_at, symbols=before.symbols
        )
        # Two feeds word the same story differently: the first one's words are kept.
        if before.source == item.source and same != before:
            self._held[item.id] = (self._marked(same), headline(item.title))

    def _is_duplicate(self, item: NewsItem, words: HeadlineWords) -> bool:
        # Other sources only: one source may have two items of the same title, such as filings.
        return any(
            held.source != item.source
            and abs(held.at - item.at) <= _SAME_STORY
            and words.matches(held_words)
            for held, held_words in self._held.values()
        )

    def _marked(self, item: NewsItem) -> NewsItem:
        return structs.replace(item, symbols=self._mentions.find(f"{item.title}\n{item.summary}"))

    def _order(self) -> None:
        held = sorted(self._held.values(), key=lambda pair: (pair[0].at, pair[0].seq), reverse=True)
        for item, _ in held[self._most :]:
            del self._held[item.id]
        self._newest = tuple(item for item, _ in held[: self._most])
