"""The whole exchange: one market, told at every venue in that venue's words."""

from collections.abc import Callable

from omcrm.exchange.exchange import Exchange
from omcrm.exchange.source import Outlet, Source
from omcrm.exchange.switchboard import Switchboard
from omcrm.exchange.trunk import Trunk
from omcrm.exchange.venues import BINANCE, VENUES


class Market:
    """One source and its venues; faults are of one venue, or of all."""

    def __init__(self, make_source: Callable[[Outlet], Source]) -> None:
        boards = {name: Switchboard() for name in VENUES}
        self.source = make_source(Trunk(boards.values()))
        self.venues = {
            name: Exchange(self.source, boards[name], name, self.source.venue(name, usual))
            for name, usual in VENUES.items()
        }

    @property
    def binance(self) -> Exchange:
        """The venue of the paths without a venue's name."""
        return self.venues[BINANCE]

    def venue_of(self, path: str) -> Exchange:
        """Give the venue that a path begins with."""
        return self.venues.get(path.lstrip("/").partition("/")[0], self.binance)

    def sessions(self) -> int:
        """Count the connections to all venues."""
        return sum(len(venue.sessions) for venue in self.venues.values())
