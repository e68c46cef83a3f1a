"""A cache with its gate and policies, for tests to talk to shortly."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from omcrm.market.cache import QuoteCache
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import Source, SourceHealth
from omcrm.market.validation import Validator
from tests.conftest import ManualClock
from tests.values import BINANCE, instrument, tick, trade

LIVE, STALE, CLOSED = PriceClass.LIVE, PriceClass.STALE, PriceClass.CLOSED
FINNHUB = Source("finnhub", LIVE)
PENDING, HEALTHY, DOWN = SourceHealth.PENDING, SourceHealth.HEALTHY, SourceHealth.DOWN

POLICIES: Mapping[AssetClass, Policy] = {
    asset_class: Policy(
        (first, "kraken", "simulated", "last_resort"), timedelta(seconds=10), Decimal("0.10")
    )
    for asset_class, first in zip(AssetClass, ("binance", "finnhub", "forex"), strict=True)
}


class Market:
    """A cache and what it was told and gave, for tests to talk to shortly."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.validator = Validator()
        self.cache = QuoteCache(clock, self.validator, POLICIES)
        self.cache.follow(
            [
                instrument("BTC"),
                instrument("ETH"),
                instrument("AAPL", AssetClass.STOCK, {"finnhub": "AAPL"}),
            ]
        )
        self.number = 0

    def say(
        self,
        price: str | None = None,
        source: Source = BINANCE,
        symbol: str = "BTC",
        connection: int = 1,
    ) -> Quote | None:
        """The source's next trade; the quote it changed."""
        self.number += 1
        last = trade(price or "100", self.number)
        return self.apply(last, source=source, symbol=symbol, connection=connection)

    def apply(self, *parts: object, **details: object) -> Quote | None:
        return self.cache.apply(tick(*parts, at=self.clock(), **details))

    def note(self, condition: SourceHealth, source: str = "binance", connection: int = 1) -> list:
        return shown(self.cache.set_condition(source, condition, connection))

    def shows(self, symbol: str = "BTC") -> tuple[str, PriceClass] | None:
        """Who speaks for the symbol, and how good that is."""
        quote = self.cache.get(symbol)
        return quote and (quote.source.name, quote.price_class)


def shown(quotes: list[Quote]) -> list[tuple[str, str, PriceClass]]:
    return [(quote.symbol, quote.source.name, quote.price_class) for quote in quotes]
