"""A piece of news as it is sent."""

from typing import Self

from msgspec import Struct

from omcrm.market.news_item import SIMULATED_NEWS, NewsItem
from omcrm.wire.encoding import iso
from omcrm.wire.field import Time


class JsonNewsItem(Struct, frozen=True, kw_only=True):
    """A piece of news in plain text; fields that its source does not send are null."""

    id: str
    seq: int
    title: str
    summary: str
    url: str | None
    image: str | None
    source: str
    publisher: str | None
    published_at: Time | None
    received_at: Time
    symbols: list[str]
    simulated: bool

    @classmethod
    def of(cls, item: NewsItem) -> Self:
        """The message of an item."""
        return cls(
            id=item.id,
            seq=item.seq,
            title=item.title,
            summary=item.summary,
            url=item.url,
            image=item.image,
            source=item.source,
            publisher=item.publisher,
            published_at=iso(item.published_at),
            received_at=iso(item.received_at),
            symbols=list(item.symbols),
            simulated=item.source == SIMULATED_NEWS,
        )
