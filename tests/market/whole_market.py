"""A consolidator with its validator, policies and cache, with short calls for tests."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from omcrm.engine.market_view import QuoteCache
from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState, Source
from omcrm.market.tick import ON_TIME
from omcrm.market.validation import Validator
from tests import values
from tests.conftest import ManualClock
from tests.values import BINANCE, instrument, tick

LIVE, STALE, CLOSED = PriceClass.LIVE, PriceClass.STALE, PriceClass.CLOSED
FINNHUB = Source("finnhub", LIVE)
PENDING, HEALTHY, DOWN = HealthState.PENDING, HealthState.HEALTHY, HealthState.DOWN

POLICIES: Mapping[AssetClass, Policy] = {
    asset_class: Policy(
        (first, "kraken", "okx", "simulated", "last_resort"), timedelta(seconds=10), Decimal("0.10")
    )
    for asset_class, first in zip(AssetClass, ("binance", "finnhub", "forex"), strict=True)
}


class Market:
    """A consolidator, and the cache that holds what it returns."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.validator = Validator()
        self.consolidator = Consolidator(clock, self.validator, POLICIES)
        self.cache = QuoteCache()
        self.consolidator.follow(
            [
                instrument("BTC"),
                instrument("ETH"),
                instrument("AAPL", AssetClass.STOCK, {"finnhub": "AAPL"}),
            ]
        )
        self.number = 0

    def trade(
        self,
        price: str | None = None,
        source: Source = BINANCE,
        symbol: str = "BTC",
        connection: int = 1,
    ) -> Quote | None:
        """Apply the next trade of a source; the changed quote, or None."""
        self.number += 1
        last = values.trade(price or "100", self.number)
        return self.apply(last, source=source, symbol=symbol, connection=connection)

    def apply(self, *parts: object, **details: object) -> Quote | None:
        quote = self.consolidator.apply(tick(*parts, at=self.clock(), **details))
        if quote is not None:
            self.cache.put(quote)
        return quote

    def set_health(self, state: HealthState, source: str = "binance", connection: int = 1) -> list:
        return shown(self._put(self.consolidator.set_health(source, state, connection)))

    def review(self, ahead: timedelta = ON_TIME) -> list[Quote]:
        """Review all symbols at the clock's time, or so far ahead; the changed quotes."""
        return self._put(self.consolidator.review(ahead))

    def _put(self, quotes: list[Quote]) -> list[Quote]:
        for quote in quotes:
            self.cache.put(quote)
        return quotes

    def shows(self, symbol: str = "BTC") -> tuple[str, PriceClass] | None:
        """The active source of the symbol, and the class of its price."""
        quote = self.cache.get(symbol)
        return quote and (quote.source.name, quote.price_class)


def shown(quotes: list[Quote]) -> list[tuple[str, str, PriceClass]]:
    return [(quote.symbol, quote.source.name, quote.price_class) for quote in quotes]
