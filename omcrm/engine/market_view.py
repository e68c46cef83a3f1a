"""The market as one process shows it: quotes, bars, and whoever watches them."""

import secrets
from collections.abc import Iterable

from omcrm.engine.bus import Bus, Demand
from omcrm.market.bar import BarBuilder
from omcrm.market.hub import Hub
from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote
from omcrm.market.quote_cache import QuoteCache
from omcrm.streaming.fanout import FanOut
from omcrm.streaming.price_update import is_alike


class MarketView:
    """Takes quotes from the bus; knows no feed.

    The fan-out sends subscribers at most one quote per symbol and `window` seconds; the hub passes
    every quote on.
    """

    def __init__(self, bus: Bus, window: float) -> None:
        self.cache = QuoteCache()
        self.hub = Hub()
        self.bars = BarBuilder()
        self.fanout = FanOut(window, is_alike, self._publish_demand)
        self.instruments: dict[str, Instrument] = {}
        self._bus = bus
        self._id = secrets.token_hex(4)
        self.hub.subscribe(self.bars.take)
        self.hub.subscribe(self.fanout.take)
        bus.subscribe(Quote, self.take)

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Show these instruments, and no others, from now on."""
        followed = {instrument.symbol: instrument for instrument in instruments}
        gone = self.instruments.keys() - followed.keys()
        self.instruments = followed
        self.cache.forget(gone)
        self.bars.forget(gone)
        self.fanout.forget(gone)

    def start(self) -> None:
        """Begin to send; twice is once."""
        self.fanout.start()

    def stop(self) -> None:
        """Send what waits, and end."""
        self.fanout.stop()

    def take(self, quote: Quote) -> None:
        """Hold a quote, and pass it on; one that is older than the held one goes no further."""
        if not self.cache.put(quote):
            return
        if quote.symbol in self.instruments:
            self.hub.publish(quote)
        else:
            # It was made before its symbol ceased to be followed.
            self.cache.forget([quote.symbol])

    def _publish_demand(self, symbols: frozenset[str]) -> None:
        self._bus.publish(Demand(self._id, symbols))
