"""Massive's cluster of currencies: bids and asks of pairs over WebSocket, with its key.

A source of its own, because each cluster has a connection of its own, and so its own health.
"""

import re

from omcrm.feeds.declaration import Declaration, FeedAddress, Spelling, StreamSource
from omcrm.feeds.providers import massive
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

STREAM = StreamSource(
    source=Source("massive_forex", PriceClass.LIVE),
    limits=massive.STREAM.limits,
    other_classes=massive.STREAM.other_classes,
)

PROVIDER = Declaration(
    name="massive_forex",
    label="Massive forex",
    venue="massive",
    spelling=Spelling(
        example="EUR/USD",
        pattern=re.compile("[A-Z]{3}[/-][A-Z]{3}"),
        case="upper",
        usual={AssetClass.FOREX: "{base}/{quote}"},
    ),
    stream=STREAM,
    addresses=(
        FeedAddress(
            name="massive_forex",
            env="MASSIVE_FOREX_WS_URL",
            default="wss://socket.massive.com/forex",
            about="Massive's (Polygon's) feed of currencies; the delayed one is "
            "wss://delayed.massive.com/forex. Empty switches it off.",
            at_exchange="/massive/forex",
        ),
    ),
    keys=massive.PROVIDER.keys,
)
