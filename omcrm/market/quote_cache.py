"""The newest quote of each symbol."""

import threading
from collections.abc import Iterable

from omcrm.market.quote import Quote


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
