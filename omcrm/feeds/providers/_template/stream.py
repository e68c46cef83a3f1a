"""Copy me: a provider that streams over a WebSocket.

Name the folder after the upstream, write what is marked, add it to `STREAMS` in `registry.py` and
its name to the policies in `market/policy.py`, put its settings into `FeedSettings`, and give its
folder of tests some samples.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from omcrm.feeds.provider import (
    BAD_FRAME,
    Event,
    FrameContext,
    Keyless,
    StreamLimits,
    decode,
    unreadable,
)
from omcrm.market.parsing import exact, integer, mapping
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import Tick, Trade

# The name is what users read; the claim is the best class its prices can ever have.
SOURCE = Source("template", PriceClass.LIVE)


class Template(Keyless):
    """An upstream of one-line frames: `{"symbol": "abc", "price": "1.23", "id": 1}`.

    One that needs a key is no `Keyless`: see `providers/finnhub/stream.py`.
    """

    source = SOURCE
    # From the upstream's documentation, with the paragraph as a comment.
    limits = StreamLimits(symbols=100, frame_spacing=0.25)

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
