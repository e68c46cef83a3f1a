"""What each asset class demands of a price."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import SourceQuote
from omcrm.market.source import LAST_RESORT, SIMULATED


class Policy(Struct, frozen=True):
    """The demands of one asset class.

    `sources` stand in order of preference. A price older than `max_age` is stale while its market
    is open. A price further than `max_deviation` (a fraction) from a fresh one needs a second
    source. A book is none whose spread is more than `max_spread` of its bid. For `settle` after its
    start a source is waited for before a lesser one speaks; after a failure it speaks again only
    when it has lived for `proof`. A stale stream is preferred for `patience` to what is asked now
    and then.
    """

    sources: tuple[str, ...]
    max_age: timedelta
    max_deviation: Decimal
    max_spread: Decimal = Decimal("0.25")
    settle: timedelta = timedelta(seconds=10)
    proof: timedelta = timedelta(seconds=10)
    patience: timedelta = timedelta(seconds=60)


POLICIES: Mapping[AssetClass, Policy] = {
    AssetClass.CRYPTO: Policy(
        sources=("binance", "coinbase", "kraken", "coingecko", SIMULATED.name, LAST_RESORT.name),
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
        sources=("exchangerate_api", "frankfurter", SIMULATED.name, LAST_RESORT.name),
        max_age=timedelta(seconds=30),
        max_deviation=Decimal("0.03"),
    ),
}


def classify(
    said: SourceQuote, policy: Policy, now: datetime, *, streaming: bool, market_open: bool
) -> PriceClass:
    """The class of a statement; the only place where one is decided.

    `streaming` says that the connection which brought the statement is alive and well.
    """
    claim = said.source.claim
    if claim in (PriceClass.LAST_RESORT, PriceClass.DELAYED, PriceClass.INDICATIVE):
        return claim
    if claim is PriceClass.LIVE and not market_open:
        return PriceClass.CLOSED
    if streaming and said.age(now) <= policy.max_age:
        return claim
    return PriceClass.STALE
