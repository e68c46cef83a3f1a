"""Massive (Polygon until 2025): trades, quotes and bars of shares over WebSocket, with a key."""

import re

from omcrm.feeds.declaration import ApiKey, Declaration, FeedAddress, Spelling, StreamSource
from omcrm.feeds.provider import StreamLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

STREAM = StreamSource(
    source=Source("massive", PriceClass.LIVE),
    # The number of symbols is not limited. Personal plans allow one connection per cluster, and a
    # newer one usually ends the older one.
    limits=StreamLimits(symbols=1000, frame_spacing=0.1, connections=1),
    other_classes=(PriceClass.DELAYED,),
)

KEY = ApiKey(env="POLYGON_API_KEY", about="Massive's (Polygon's) key (stocks, currencies).")

PROVIDER = Declaration(
    name="massive",
    label="Massive",
    venue="massive",
    # Case matters in its names of preferred shares and warrants: BACpA.
    spelling=Spelling(
        example="AAPL",
        pattern=re.compile(r"[A-Z][A-Za-z0-9]{0,9}(?:[.\-][A-Za-z0-9]{1,6})?"),
    ),
    stream=STREAM,
    addresses=(
        FeedAddress(
            name="massive",
            env="MASSIVE_WS_URL",
            default="wss://socket.massive.com/stocks",
            about="Massive's (Polygon's) feed; the delayed one is "
            "wss://delayed.massive.com/stocks. Empty switches it off.",
            at_exchange="/massive/stocks",
        ),
    ),
    keys=(KEY,),
)
