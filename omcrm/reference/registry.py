"""Every socket that the documents describe."""

from omcrm.reference.channel import SocketChannel
from omcrm.reference.desk import DESK
from omcrm.reference.finance_query import HOURS, MARKET, PROFILE, QUOTES
from omcrm.reference.market_feed import MARKET_FEED
from omcrm.reference.realtime import REALTIME

CHANNELS: tuple[SocketChannel, ...] = (DESK, MARKET_FEED, REALTIME, PROFILE, QUOTES, MARKET, HOURS)
