"""A piece of news."""

from datetime import datetime

from msgspec import Struct

SIMULATED_NEWS = "simulated"


class NewsItem(Struct, frozen=True, kw_only=True):
    """A piece of news, all of it plain text of bounded length; None for what its source left out.

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
