"""The market as one provider shows it: with its distortion, if there is one."""

from collections.abc import Iterable, Mapping

from simulator.fault_settings import FaultSettings
from simulator.listing import Listing
from simulator.market_source import MarketSource


class ShownMarket:
    """A provider's view of the `market`, which all providers share."""

    def __init__(self, market: MarketSource, faults: FaultSettings) -> None:
        self.market = market
        self._faults = faults

    @property
    def listings(self) -> Mapping[str, Listing]:
        """The listings by symbol, in capitals, with the prices that are shown."""
        distortion = self._faults.distortion
        return self.market.listings if distortion is None else distortion.listings

    def now(self) -> int:
        """Return the market's own time in ms."""
        return self.market.now()

    def subscribed(self, streams: Iterable[str]) -> None:
        """Called when a client has subscribed to `streams`."""
        self.market.subscribed(streams)
