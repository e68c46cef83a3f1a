"""What each asset class demands of a price."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Statement
from omcrm.market.source import LAST_RESORT, SIMULATED


class Policy(Struct, frozen=True):
    """The demands of one asset class.

    `sources` stand in order of preference. A price older than `max_age` is stale while its market
    is open. A price further than `max_deviation` (a fraction) from a fresh one needs a second
    source. For `settle` after its start a source is waited for before a lesser one speaks.
    """

    sources: tuple[str, ...]
    max_age: timedelta
    max_deviation: Decimal
    settle: timedelta = timedelta(seconds=10)


POLICIES: Mapping[AssetClass, Policy] = {
    AssetClass.CRYPTO: Policy(
        sources=("binance", SIMULATED.name, LAST_RESORT.name),
        max_age=timedelta(seconds=10),
        max_deviation=Decimal("0.10"),
    ),
    AssetClass.STOCK: Policy(
        sources=(SIMULATED.name, LAST_RESORT.name),
        max_age=timedelta(seconds=30),
        max_deviation=Decimal("0.10"),
    ),
    AssetClass.FOREX: Policy(
        sources=(SIMULATED.name, LAST_RESORT.name),
        max_age=timedelta(seconds=30),
        max_deviation=Decimal("0.03"),
    ),
}


def classify(
    said: Statement, policy: Policy, now: datetime, *, streaming: bool, market_open: bool
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
