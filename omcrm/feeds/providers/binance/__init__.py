"""Binance: spot market data over WebSocket, daily klines over REST."""

import re

from omcrm.feeds.declaration import (
    Choice,
    Declaration,
    FeedAddress,
    HistorySource,
    Spelling,
    StreamSource,
)
from omcrm.feeds.provider import Budget, PollLimits, StreamLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

SOURCE = Source("binance", PriceClass.LIVE)

STREAMS = Choice(
    env="BINANCE_STREAMS",
    options=("trade", "aggTrade", "bookTicker", "ticker", "miniTicker"),
    default=("trade", "bookTicker", "ticker"),
    about="The streams to subscribe to for each symbol.",
)
"""Each brings some fields of a quote."""

MOST_STREAMS = 1024
"""On one connection; each symbol takes several."""

STREAM = StreamSource(
    source=SOURCE,
    # Five client frames a second are allowed, pongs included; a connection is cut after 24 hours.
    limits=StreamLimits(
        symbols=MOST_STREAMS // len(STREAMS.default),
        frame_spacing=0.3,
        replace_after=23 * 3600.0,
    ),
)

HISTORY = HistorySource(
    source=SOURCE,
    # A call weighs 2 of 6000 a minute, which all programs of this address share.
    limits=PollLimits(batch=1, interval=60.0, budgets=(Budget(300, "minute"),)),
    address="binance_rest",
    # The largest number of rows in an answer.
    reach=1000,
)

PROVIDER = Declaration(
    name="binance",
    label="Binance",
    venue="binance",
    spelling=Spelling(
        example="btcusdt",
        pattern=re.compile("(?P<coin>[a-z0-9]{1,16})usdt|[a-z0-9]{1,20}"),
        case="lower",
    ),
    stream=STREAM,
    history=HISTORY,
    addresses=(
        FeedAddress(
            name="binance",
            env="BINANCE_WS_URL",
            default="wss://data-stream.binance.vision",
            about="Binance's stream host; empty switches Binance off.",
            at_exchange="",
        ),
        FeedAddress(
            name="binance_rest",
            env="BINANCE_REST_URL",
            default="https://data-api.binance.vision",
            about="Binance's REST host, for the connection test and daily candles.",
            at_exchange="",
        ),
    ),
    choices=(STREAMS,),
)
