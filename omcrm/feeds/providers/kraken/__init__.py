"""Kraken: coins and currencies by the `trade` and `ticker` channels over WebSocket, keyless."""

import re

from omcrm.feeds.declaration import Declaration, FeedAddress, Spelling, StreamSource
from omcrm.feeds.provider import StreamLimits
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

# Its market in New Zealand dollars does not exist, and others are not known to.
_PAIRS = (
    *("EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "USDCAD", "USDCHF"),
    *("EURGBP", "EURJPY", "EURCHF", "EURCAD", "EURAUD"),
)

STREAM = StreamSource(
    source=Source("kraken", PriceClass.LIVE),
    # Kraken documents neither number: these are cautious.
    limits=StreamLimits(symbols=500, frame_spacing=0.2),
)

PROVIDER = Declaration(
    name="kraken",
    label="Kraken",
    venue="kraken",
    spelling=Spelling(
        example="BTC/USD",
        pattern=re.compile("(?P<coin>[A-Z0-9.]{1,20})/[A-Z0-9]{2,10}"),
        case="upper",
        usual={AssetClass.FOREX: "{base}/{quote}"},
        pairs=frozenset(_PAIRS),
    ),
    stream=STREAM,
    addresses=(
        FeedAddress(
            name="kraken",
            env="KRAKEN_WS_URL",
            default="wss://ws.kraken.com/v2",
            about="Kraken's feed; empty switches it off.",
            at_exchange="/kraken/v2",
        ),
    ),
)
