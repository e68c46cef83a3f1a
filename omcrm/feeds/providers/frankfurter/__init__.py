"""Frankfurter: the European Central Bank's reference rates of working days over HTTP, keyless."""

from datetime import timedelta

from omcrm.feeds.declaration import PAIRS, Declaration, FeedAddress, HistorySource, PollSource
from omcrm.feeds.provider import Budget, PollLimits
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

SOURCE = Source("frankfurter", PriceClass.INDICATIVE, max_age=timedelta(hours=4))

# No limit is documented; it is free of charge, and its rates change once a day.
LIMITS = PollLimits(batch=100, interval=3600.0, budgets=(Budget(60, "hour"),))

POLL = PollSource(source=SOURCE, limits=LIMITS)

HISTORY = HistorySource(source=SOURCE, limits=LIMITS, address="frankfurter", reach=3650)

PROVIDER = Declaration(
    name="frankfurter",
    label="Frankfurter",
    venue="frankfurter",
    spelling=PAIRS,
    poll=POLL,
    history=HISTORY,
    addresses=(
        FeedAddress(
            name="frankfurter",
            env="FRANKFURTER_URL",
            default="https://api.frankfurter.dev",
            about="Frankfurter's host; empty switches it off.",
            at_exchange="/frankfurter",
        ),
    ),
)
