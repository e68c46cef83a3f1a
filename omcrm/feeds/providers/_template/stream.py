"""Copy me: the parser of a stream, data and pure functions."""

from collections.abc import Iterable
from typing import Any

import msgspec

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import (
    BAD_FRAME,
    Event,
    FrameContext,
    Keyless,
    StreamProvider,
    decode,
    unreadable,
)
from omcrm.feeds.providers._template import STREAM
from omcrm.market.parsing import exact, integer, mapping
from omcrm.market.tick import Tick, Trade


class Template(Keyless):
    """An upstream of one-line frames: `{"symbol": "abc", "price": "1.23", "id": 1}`.

    One that needs a key is no `Keyless`: see `providers/finnhub/stream.py`.
    """

    source = STREAM.source
    limits = STREAM.limits

    def __init__(self, ws_url: str) -> None:
        self._url = ws_url

    def url(self) -> str:
        return self._url

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [msgspec.json.encode({"subscribe": list(names), "id": request}).decode()]

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [msgspec.json.encode({"unsubscribe": list(names), "id": request}).decode()]

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        try:
            return self._read(mapping(decode(frame)), arrival)
        except BAD_FRAME as error:
            return [unreadable(error)]

    def _read(self, message: dict[str, Any], arrival: FrameContext) -> list[Event]:
        symbol = arrival.names.get(message["symbol"])
        if symbol is None:
            return []
        trade = Trade(exact(message["price"]), id=integer(message["id"]))
        return [
            Tick(symbol, self.source, arrival.received_at, arrival.connection, trade=trade),
        ]


def create(settings: FeedSettings) -> StreamProvider:
    """The provider of these settings."""
    return Template(settings.urls[STREAM.source.name])
