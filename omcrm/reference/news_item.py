"""A piece of news as it is sent."""

from msgspec import Struct

from omcrm.wire.field import Time


class JsonNewsItem(Struct, kw_only=True):
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
