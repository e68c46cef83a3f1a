"""The market as one process shows it: quotes, bars, news, and whoever watches them."""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import TypeAlias

from omcrm.engine.bus import Bus, Control, ControlAction, Demand
from omcrm.feeds.news.collector import NewsCollector
from omcrm.market.bar import BarBuilder
from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote
from omcrm.streaming.fanout import FanOut

Listener: TypeAlias = Callable[[Quote], None]

_log = logging.getLogger(__name__)


class Hub:
    """Passes quotes to its listeners, in the thread that publishes.

    A listener must be quick and must drop a quote whose number is not above the one it holds:
    two publishing threads may overtake each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every quote from now on; twice is once."""
        with self._lock:
            if listener not in self._listeners:
                self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Stop calling `listener`."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other != listener)

    def publish(self, quote: Quote) -> None:
        """Call every listener; one that fails is logged and does not hurt the others."""
        for listener in self._listeners:
            try:
                listener(quote)
            except Exception:
                _log.exception("a listener failed on %s", quote.symbol)


class QuoteCache:
    """Holds one quote per symbol; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quotes: dict[str, Quote] = {}

    def put(self, quote: Quote) -> bool:
        """Hold a quote, unless a newer one of its symbol is held; whether it is."""
        with self._lock:
            held = self._quotes.get(quote.symbol)
            if held is not None and quote.seq <= held.seq:
                return False
            self._quotes[quote.symbol] = quote
            return True

    def get(self, symbol: str) -> Quote | None:
        """The quote of a symbol, if it has a price."""
        return self._quotes.get(symbol)

    def snapshot(self) -> dict[str, Quote]:
        """All quotes, by symbol."""
        return self._quotes.copy()

    def forget(self, symbols: Iterable[str]) -> None:
        """Drop the quotes of these symbols."""
        for symbol in symbols:
            self._quotes.pop(symbol, None)


class MarketView:
    """Takes quotes from the bus; knows no feed.

    The fan-out sends subscribers at most one quote per symbol and `window` seconds; the hub passes
    every quote on.
    """

    def __init__(self, bus: Bus, window: float, news: NewsCollector) -> None:
        self.bus = bus
        self.news = news
        self.cache = QuoteCache()
        self.hub = Hub()
        self.bars = BarBuilder()
        self.fanout = FanOut(window, Quote.is_alike, self._publish_demand)
        self.instruments: dict[str, Instrument] = {}
        self._id = secrets.token_hex(4)
        self.hub.subscribe(self.bars.take)
        self.hub.subscribe(self.fanout.take)
        bus.subscribe(Quote, self.take)
        bus.subscribe(Control, self._control)

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Show these instruments, and no others, from now on."""
        followed = {instrument.symbol: instrument for instrument in instruments}
        gone = self.instruments.keys() - followed.keys()
        self.instruments = followed
        self.news.follow(followed.values())
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

    def _control(self, control: Control) -> None:
        # Not the end: who watches stays connected while the feeds are stopped.
        if control.action is ControlAction.START:
            self.start()

    def _publish_demand(self, symbols: frozenset[str]) -> None:
        self.bus.publish(Demand(self._id, symbols))
