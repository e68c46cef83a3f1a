"""What each asset class demands of a price, and which class a price has by that."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED
from omcrm.market.source_quote import SourceQuote


class Policy(Struct, frozen=True):
    """The demands of one asset class.

    `sources` stand in order of preference. A price older than `max_age` is stale while its market
    is open. A price further than `max_deviation` (a fraction) from a fresh one needs a second
    source. A book whose spread is more than `max_spread` of its bid is not used. During
    `startup_grace` a source that is starting is waited for before a lesser one becomes active;
    after a failure it is active again only once it was good for `recovery_hold`. A stale stream is
    preferred to polled prices until it is `stale_hold` old.
    """

    sources: tuple[str, ...]
    max_age: timedelta
    max_deviation: Decimal
    max_spread: Decimal = Decimal("0.25")
    startup_grace: timedelta = timedelta(seconds=10)
    recovery_hold: timedelta = timedelta(seconds=10)
    stale_hold: timedelta = timedelta(seconds=60)

    def classify(
        self, held: SourceQuote, now: datetime, *, streaming: bool, market_open: bool
    ) -> PriceClass:
        """The class of a source's price; the only place where one is decided.

        `streaming` is whether the connection that brought the price is alive and well.
        """
        claim = held.source.claim
        if claim in (PriceClass.LAST_RESORT, PriceClass.DELAYED, PriceClass.INDICATIVE):
            return claim
        if claim is PriceClass.LIVE and not market_open:
            return PriceClass.CLOSED
        if streaming and held.age(now) <= self.max_age:
            return claim
        return PriceClass.STALE


POLICIES: Mapping[AssetClass, Policy] = {
    AssetClass.CRYPTO: Policy(
        sources=(
            "binance",
            "coinbase",
            "kraken",
            "okx",
            "coingecko",
            SIMULATED.name,
            LAST_RESORT.name,
        ),
        max_age=timedelta(seconds=10),
        max_deviation=Decimal("0.10"),
    ),
    AssetClass.STOCK: Policy(
        sources=(
            "finnhub",
            "alpaca",
            "massive",
            "finnhub_quote",
            "alpha_vantage",
            SIMULATED.name,
            LAST_RESORT.name,
        ),
        max_age=timedelta(seconds=30),
        max_deviation=Decimal("0.10"),
    ),
    AssetClass.FOREX: Policy(
        sources=(
            "exchangerate_api",
            "frankfurter",
            SIMULATED.name,
            LAST_RESORT.name,
        ),
        max_age=timedelta(seconds=30),
        max_deviation=Decimal("0.03"),
    ),
}
