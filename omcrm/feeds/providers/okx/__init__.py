"""OKX: trades, best bid and ask, and day figures of coins over WebSocket, keyless."""

import re

from omcrm.feeds.declaration import Declaration, FeedAddress, Spelling, StreamSource
from omcrm.feeds.provider import StreamLimits
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

STREAM = StreamSource(
    source=Source("okx", PriceClass.LIVE),
    # 480 requests an hour on a connection, 64 KB each: one request holds so many symbols. A
    # connection without data for 30 s is ended; only the text counts as a ping.
    limits=StreamLimits(symbols=200, frame_spacing=7.5, ping="ping"),
)

PROVIDER = Declaration(
    name="okx",
    label="OKX",
    venue="okx",
    # An unknown name is refused alone, so every coin may be asked for.
    spelling=Spelling(
        example="BTC-USDT",
        pattern=re.compile("(?P<coin>[A-Z0-9]{1,20})-[A-Z0-9]{2,10}"),
        case="upper",
        usual={AssetClass.CRYPTO: "{code}-USDT"},
    ),
    stream=STREAM,
    addresses=(
        FeedAddress(
            name="okx",
            env="OKX_WS_URL",
            default="wss://ws.okx.com:8443/ws/v5/public",
            about="OKX's public feed (other regions have other hosts); empty switches it off.",
            at_exchange="/okx/ws/v5/public",
        ),
    ),
)
