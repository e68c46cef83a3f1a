"""The dialects that are served; a new one is a file of its own and a line here."""

from omcrm.gateways.dialect import Dialect
from omcrm.gateways.finance_query.channels import (
    HoursChannel,
    OverviewChannel,
    ProfileChannel,
    QuotesChannel,
)
from omcrm.gateways.market_feed import MarketFeed
from omcrm.gateways.realtime import Realtime

DIALECTS: tuple[type[Dialect], ...] = (
    MarketFeed,
    Realtime,
    ProfileChannel,
    QuotesChannel,
    OverviewChannel,
    HoursChannel,
)
