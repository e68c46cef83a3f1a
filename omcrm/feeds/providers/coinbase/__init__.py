"""Coinbase Exchange: the `ticker` channel over WebSocket, daily candles over REST."""

import re

from omcrm.feeds.declaration import Declaration, FeedAddress, HistorySource, Spelling, StreamSource
from omcrm.feeds.provider import Budget, PollLimits, StreamLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

SOURCE = Source("coinbase", PriceClass.LIVE)

STREAM = StreamSource(
    source=SOURCE,
    # 100 messages a second are allowed; the number of products is not limited.
    limits=StreamLimits(symbols=500, frame_spacing=0.05),
)

HISTORY = HistorySource(
    source=SOURCE,
    # Ten calls a second are allowed without a key.
    limits=PollLimits(batch=1, interval=60.0, budgets=(Budget(100, "minute"),)),
    address="coinbase_rest",
    # The largest number of rows in an answer.
    reach=300,
)

PROVIDER = Declaration(
    name="coinbase",
    label="Coinbase",
    venue="coinbase",
    spelling=Spelling(
        example="BTC-USD",
        pattern=re.compile("(?P<coin>[A-Z0-9]{1,20})-[A-Z0-9]{2,10}"),
        case="upper",
    ),
    stream=STREAM,
    history=HISTORY,
    addresses=(
        FeedAddress(
            name="coinbase",
            env="COINBASE_WS_URL",
            default="wss://ws-feed.exchange.coinbase.com",
            about="Coinbase Exchange's feed; empty switches it off.",
            at_exchange="/coinbase",
        ),
        FeedAddress(
            name="coinbase_rest",
            env="COINBASE_REST_URL",
            default="https://api.exchange.coinbase.com",
            about="Coinbase Exchange's REST host, for daily candles; empty: they are not fetched "
            "there.",
            at_exchange="/coinbase",
        ),
    ),
)
