"""A piece of news as it is told."""

from msgspec import Struct

from omcrm.reference.schema import Time


class NewsItem(Struct, kw_only=True):
    """A piece of news in plain text; what its source does not say is null."""

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
