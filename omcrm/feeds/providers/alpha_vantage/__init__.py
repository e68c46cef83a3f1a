"""Alpha Vantage: the last trading days of shares over HTTP, 25 calls a day."""

from datetime import timedelta

from omcrm.feeds.declaration import (
    TICKERS,
    ApiKey,
    Declaration,
    FeedAddress,
    HistorySource,
    PollSource,
)
from omcrm.feeds.provider import Budget, PollLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

SOURCE = Source("alpha_vantage", PriceClass.INDICATIVE, max_age=timedelta(hours=6.5))

# The free plan. The prices are those of a day: asking every hour is often enough to see a new one.
# There is a limit of one call a second, too, which five a minute rarely reach.
LIMITS = PollLimits(batch=1, interval=3600.0, budgets=(Budget(25, "day"), Budget(5, "minute")))

POLL = PollSource(source=SOURCE, limits=LIMITS)

# A hundred trading days are at least so many of the calendar.
HISTORY = HistorySource(source=SOURCE, limits=LIMITS, address="alpha_vantage", reach=140)

KEY = ApiKey(env="ALPHA_VANTAGE_API_KEY", about="Alpha Vantage's key (stocks, 25 calls a day).")

PROVIDER = Declaration(
    name="alpha_vantage",
    label="Alpha Vantage",
    venue="alpha_vantage",
    spelling=TICKERS,
    poll=POLL,
    history=HISTORY,
    addresses=(
        FeedAddress(
            name="alpha_vantage",
            env="ALPHA_VANTAGE_URL",
            default="https://www.alphavantage.co",
            about="Alpha Vantage's host; empty switches it off.",
            at_exchange="/alpha_vantage",
        ),
    ),
    keys=(KEY,),
)
