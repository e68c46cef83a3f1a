"""A source's connection, as its supervisor sees it."""

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.feeds.own_clock import OwnClock
from omcrm.feeds.source_clock import SourceClock


class Link:
    """One source's connection: its number, whether it is healthy, and what it brought when."""

    def __init__(self, name: str, own_clock: OwnClock) -> None:
        self.number = 1
        self.is_healthy = False
        self.healthy_since = 0.0
        self.is_cut = False
        self.data_at = 0.0
        self.opens_at = 0.0
        self.is_unserved = False
        self.source_clock = SourceClock(name, own_clock)
        self.latency = FeedLatency(self.source_clock)
