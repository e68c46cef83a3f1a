"""CoinGecko: averages in dollars over HTTP, minutes old; keyless or with a demo key."""

import re
from datetime import timedelta

from omcrm.feeds.declaration import (
    ApiKey,
    Declaration,
    FeedAddress,
    HistorySource,
    PollSource,
    Spelling,
)
from omcrm.feeds.provider import Budget, PollLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

SOURCE = Source("coingecko", PriceClass.INDICATIVE, max_age=timedelta(minutes=10))

# Answers are cached for a minute. A demo key has 10 000 calls a month; without one no number is
# documented.
LIMITS = PollLimits(
    batch=250, interval=60.0, budgets=(Budget(5, "minute"), Budget(10_000, "month"))
)

POLL = PollSource(source=SOURCE, limits=LIMITS)

# Thirty days of candles, of which the first may be incomplete.
HISTORY = HistorySource(source=SOURCE, limits=LIMITS, address="coingecko", reach=29)

KEY = ApiKey(
    env="COINGECKO_API_KEY",
    about="CoinGecko's demo key; it is polled without one, too.",
    is_optional=True,
)

PROVIDER = Declaration(
    name="coingecko",
    label="CoinGecko",
    venue="coingecko",
    spelling=Spelling(
        example="bitcoin", pattern=re.compile("[a-z0-9_][a-z0-9_.-]{0,99}"), case="lower"
    ),
    poll=POLL,
    history=HISTORY,
    addresses=(
        FeedAddress(
            name="coingecko",
            env="COINGECKO_URL",
            default="https://api.coingecko.com/api/v3",
            about="CoinGecko's API; empty switches it off.",
            at_exchange="/coingecko/api/v3",
        ),
    ),
    keys=(KEY,),
)
