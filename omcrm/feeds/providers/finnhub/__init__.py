"""Finnhub: trades of shares and prices of currencies over WebSocket, quotes of shares over HTTP;
with a key."""

import re
from datetime import timedelta

from omcrm.feeds.declaration import (
    ApiKey,
    Declaration,
    FeedAddress,
    PollSource,
    Spelling,
    StreamSource,
)
from omcrm.feeds.provider import Budget, PollLimits, StreamLimits
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

STREAM = StreamSource(
    source=Source("finnhub", PriceClass.LIVE),
    # A free key has fifty symbols, each subscribed by a frame of its own; their rate is not
    # documented, so it is ten a second. When the market is closed only a ping a minute comes.
    limits=StreamLimits(symbols=50, frame_spacing=0.1, heartbeat_timeout=150.0, connections=1),
)

POLL = PollSource(
    source=Source("finnhub_quote", PriceClass.INDICATIVE, max_age=timedelta(minutes=10)),
    label="Finnhub quotes",
    # All plans are limited to thirty calls a second as well: pollers stay far below it.
    limits=PollLimits(batch=1, interval=10.0, budgets=(Budget(60, "minute"),)),
)

KEY = ApiKey(env="FINNHUB_API_KEY", about="Finnhub's key (stocks and currencies over WebSocket).")

PROVIDER = Declaration(
    name="finnhub",
    label="Finnhub",
    venue="finnhub",
    # A ticker, or a symbol of another venue behind the venue's name.
    spelling=Spelling(
        example="AAPL",
        pattern=re.compile(
            r"[A-Z0-9]{1,10}(?:[.\-][A-Z0-9]{1,6})?|[A-Z]{2,12}:[A-Z0-9_/.\-]{1,20}"
        ),
        case="upper",
        usual={AssetClass.FOREX: "OANDA:{base}_{quote}"},
    ),
    stream=STREAM,
    poll=POLL,
    addresses=(
        FeedAddress(
            name="finnhub",
            env="FINNHUB_WS_URL",
            default="wss://ws.finnhub.io",
            about="Finnhub's feed; empty switches it off.",
            at_exchange="/finnhub",
        ),
        FeedAddress(
            name="finnhub_quote",
            env="FINNHUB_REST_URL",
            default="https://finnhub.io/api/v1",
            about="Finnhub's API, for quotes; empty switches it off.",
            at_exchange="/finnhub/api/v1",
        ),
    ),
    keys=(KEY,),
)
