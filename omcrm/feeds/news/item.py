"""The values of the news: a source, one item, and the items of one answer."""

from datetime import datetime

from msgspec import Struct

SIMULATED_NEWS = "simulated"

LARGEST_FEED = 2 * 1024 * 1024
"""In bytes."""


class NewsSource(Struct, frozen=True):
    """One feed that is polled; `name` is shown with each of its items."""

    url: str
    name: str


class NewsItem(Struct, frozen=True, kw_only=True):
    """One item, all of it plain text of bounded length; None for fields that the source left out.

    `id` is 13 stable hexadecimal digits, `seq` counts the items of this process in the
    order in which they became known.
    """

    id: str
    source: str
    publisher: str | None
    title: str
    summary: str
    url: str | None
    image: str | None
    published_at: datetime | None
    received_at: datetime
    symbols: tuple[str, ...] = ()
    seq: int = 0

    @property
    def at(self) -> datetime:
        """When it was published; where that is unknown or in the future, when it was received."""
        return min(self.published_at or self.received_at, self.received_at)

    @property
    def number(self) -> int:
        """The id as a whole number, small enough for every JSON reader."""
        return int(self.id, 16)


class NewsBatch(Struct, frozen=True):
    """The items of one answer; `problem` describes why some are missing."""

    items: tuple[NewsItem, ...]
    problem: str | None = None
