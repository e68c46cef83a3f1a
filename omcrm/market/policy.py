"""What each asset class demands of a price, and which class a price has by that."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, structs

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import LIVE, STALE, PriceClass
from omcrm.market.quote import PriceBasis
from omcrm.market.session import ALWAYS, Calendar, is_open, last_close, trading_time
from omcrm.market.source import LAST_RESORT, SIMULATED, Source

_LAST_RESORT = PriceClass.LAST_RESORT
# How old these may be depends on their source.
_AGED_BY_SOURCE = (PriceClass.DELAYED, PriceClass.INDICATIVE)
LOOK_AHEAD = timedelta(seconds=0.75)
"""So far ahead the ages of prices are judged, so that none is live for too long before the next
review. A market opens and closes by the clock."""


class SymbolGroup(Struct, frozen=True):
    """Symbols of an asset class whose prices have closer bounds than the others'."""

    symbols: frozenset[str]
    max_deviation: Decimal
    max_divergence: Decimal


class ClassifiedPrice(Protocol):
    """What decides the class of a price: a source's own record of it, or the quote made of it."""

    @property
    def source(self) -> Source:
        """Where it comes from."""

    @property
    def recorded_at(self) -> datetime | None:
        """When the recording of the price began; None where the price is of now."""

    @property
    def provider_time(self) -> datetime | None:
        """When it was traded, by its source's clock."""

    def age(self, now: datetime) -> timedelta:
        """How long ago it was true at its source."""


class Policy(Struct, frozen=True):
    """The demands of one asset class.

    `sources` stand in order of preference. A streamed price older than `max_age` is stale while its
    market is open, a delayed one after `max_delayed_age`, one that was asked for after its source's
    own maximum age, or where its source's time is older than `max_time_age`; these three count
    trading time. A source that is down for `down_hold` has no price that was asked for.

    A price further than `max_deviation` (a fraction) from a fresh one needs a second source. Live
    sources that are further than `max_divergence` apart contradict each other. A book whose spread
    is more than `max_spread` of its bid is not used, nor one older than `max_book_age` or further
    than `max_beside` from a later price, nor day figures older than `max_day_age`.

    During `startup_grace` a source that is starting is waited for before a lesser one becomes
    active; after a failure it is active again only once it was good for `recovery_hold`, which
    doubles with every failure up to `longest_hold`. A stale stream is preferred to polled prices
    until it is `stale_hold` old. `groups` have bounds of their own.

    By `price_basis` the price is the last trade or, in a quote-driven market, the mid of a book.
    """

    sources: tuple[str, ...]
    max_age: timedelta
    max_deviation: Decimal
    max_divergence: Decimal = Decimal("0.05")
    max_spread: Decimal = Decimal("0.25")
    max_delayed_age: timedelta = timedelta(minutes=5)
    max_time_age: timedelta = timedelta(hours=1)
    max_book_age: timedelta = timedelta(seconds=60)
    max_beside: Decimal = Decimal("0.01")
    max_day_age: timedelta = timedelta(minutes=15)
    price_basis: PriceBasis = PriceBasis.TRADE
    startup_grace: timedelta = timedelta(seconds=10)
    recovery_hold: timedelta = timedelta(seconds=10)
    longest_hold: timedelta = timedelta(minutes=5)
    stale_hold: timedelta = timedelta(seconds=60)
    down_hold: timedelta = timedelta(minutes=2)
    groups: tuple[SymbolGroup, ...] = ()

    def of(self, symbol: str) -> "Policy":
        """The policy of a symbol: with the bounds of its group, if it is in one."""
        for group in self.groups:
            if symbol in group.symbols:
                return structs.replace(
                    self, max_deviation=group.max_deviation, max_divergence=group.max_divergence
                )
        return self

    def classify(
        self, held: ClassifiedPrice, now: datetime, calendar: Calendar, *, streaming: bool
    ) -> PriceClass:
        """The class of a source's price; the only place where one is decided.

        `streaming` is whether the connection that brought the price is alive and well. `now` is
        `LOOK_AHEAD` of the clock, by which the market has its hours.
        """
        claim, is_replayed = held.source.claim, held.recorded_at is not None
        if claim is _LAST_RESORT:
            return claim
        # A recording has its own hours.
        if claim is LIVE and not is_replayed and calendar is not ALWAYS:
            clock = now - LOOK_AHEAD
            if not is_open(calendar, clock):
                is_close = self._was_fresh_at(last_close(calendar, clock), held)
                return PriceClass.CLOSED if is_close else STALE
        if claim is not LIVE and claim in _AGED_BY_SOURCE:
            is_current = self._is_current(held, now, calendar, streaming=streaming)
        else:
            is_current = streaming and held.age(now) <= self.max_age
        if not is_current:
            return STALE
        return PriceClass.REPLAYED if is_replayed else claim

    def _was_fresh_at(self, close: datetime | None, held: ClassifiedPrice) -> bool:
        """Whether the price would have been live at the close, or is younger."""
        return close is None or held.age(close) <= self.max_age

    def _is_current(
        self, held: ClassifiedPrice, now: datetime, calendar: Calendar, *, streaming: bool
    ) -> bool:
        """Whether a delayed or asked price is what its source would say now."""
        confirmed_at = now - held.age(now)
        max_age = held.source.max_age or self.max_delayed_age
        if not streaming:
            max_age = min(max_age, self.down_hold)
        if not _is_within(max_age, calendar, confirmed_at, now):
            return False
        # The times of a recording are of another day.
        time = held.provider_time if held.recorded_at is None else None
        return time is None or _is_within(self.max_time_age, calendar, time, now)


def _is_within(most: timedelta, calendar: Calendar, start: datetime, end: datetime) -> bool:
    # The market's hours matter only for what is older by the clock.
    return end - start <= most or trading_time(calendar, start, end) <= most


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
        groups=(
            # Traded so much everywhere that venues do not part by more.
            SymbolGroup(frozenset({"BTC", "ETH"}), Decimal("0.10"), Decimal("0.03")),
            # Pegged to the dollar.
            SymbolGroup(frozenset({"USDT", "USDC", "DAI"}), Decimal("0.03"), Decimal("0.01")),
        ),
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
        # The close of the trading day before is a price of the next day.
        max_time_age=timedelta(hours=13),
    ),
    AssetClass.FOREX: Policy(
        sources=(
            "kraken",
            "finnhub",
            "massive_forex",
            "exchangerate_api",
            "frankfurter",
            SIMULATED.name,
            LAST_RESORT.name,
        ),
        max_age=timedelta(seconds=30),
        max_deviation=Decimal("0.03"),
        max_divergence=Decimal("0.01"),
        # Reference rates are those of the last working day, which may lie before Easter.
        max_time_age=timedelta(hours=96),
        # A mid is at most half of the spread away from a price that somebody would pay.
        max_spread=Decimal("0.003"),
        price_basis=PriceBasis.MID,
    ),
}
