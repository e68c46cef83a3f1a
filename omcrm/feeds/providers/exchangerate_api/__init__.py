"""ExchangeRate-API: one table of all currencies a day over HTTP, with a key or without."""

from datetime import timedelta

from omcrm.feeds.declaration import PAIRS, ApiKey, Declaration, FeedAddress, PollSource
from omcrm.feeds.provider import Budget, PollLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

POLL = PollSource(
    source=Source("exchangerate_api", PriceClass.INDICATIVE, max_age=timedelta(hours=4)),
    # With a key. One call brings the whole table, for any number of pairs.
    limits=PollLimits(batch=500, interval=3600.0, budgets=(Budget(1500, "month"),)),
)

KEY = ApiKey(
    env="EXCHANGERATE_API_KEY",
    about="ExchangeRate-API's key; its open endpoint is polled without one.",
    is_optional=True,
)

PROVIDER = Declaration(
    name="exchangerate_api",
    label="ExchangeRate-API",
    venue="exchangerate_api",
    spelling=PAIRS,
    poll=POLL,
    addresses=(
        FeedAddress(
            name="exchangerate_api",
            env="EXCHANGERATE_API_URL",
            default="https://v6.exchangerate-api.com",
            about="ExchangeRate-API's host; empty switches it off, its open endpoint too.",
            at_exchange="/exchangerate_api",
        ),
        FeedAddress(
            name="exchangerate_open",
            env="EXCHANGERATE_OPEN_URL",
            default="https://open.er-api.com",
            about="The host of ExchangeRate-API's open endpoint; empty: it is polled with a key "
            "only.",
            at_exchange="/exchangerate_api/open",
        ),
    ),
    keys=(KEY,),
)
