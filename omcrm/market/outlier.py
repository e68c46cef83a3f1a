"""Outliers: prices far from all that confirms them, remembered until they are said again or taken
back."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from omcrm.market.policy import Policy
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick, TopOfBook, Trade

# A book says something about a trade for so long after it came.
_BOOK_COUNTS_FOR = timedelta(seconds=2)
ONE_ORDER = timedelta(seconds=0.5)
"""Trades within so long may be fills of one order: a later one confirms the price."""
# A source that has said so for so long means it; what it traded at elsewhere counts for so long.
_LASTS_AFTER, _STANDS_FOR = timedelta(seconds=1.5), timedelta(seconds=5)


class _Outlier(Struct):
    """The last outlier of a source, since when it has said so, and whether it was offered."""

    since: datetime
    tick: Tick
    is_offered: bool = False

    @property
    def is_said_again(self) -> bool:
        """Whether it is more than the trades of one order; a book lasts by itself."""
        return self.tick.trade is None or self.tick.received_at - self.since >= ONE_ORDER


class Outliers:
    """The last outlier of each source, by symbol: two that agree confirm each other. Books that
    came without a trade are kept apart."""

    def __init__(self) -> None:
        self.trades: dict[str, dict[str, _Outlier]] = {}
        self.books: dict[str, dict[str, _Outlier]] = {}

    def note(self, tick: Tick, policy: Policy) -> None:
        """Remember an outlier; one near the last one does not put it off."""
        outliers = (self.books if tick.trade is None else self.trades).setdefault(tick.symbol, {})
        before, since = outliers.get(tick.source.name), tick.received_at
        if before is not None:
            repeats = not _is_far(tick, before.tick.prices[0], policy.max_divergence)
            since = before.since if repeats else since
        outliers[tick.source.name] = _Outlier(since, tick)

    def forget(self, tick: Tick, policy: Policy) -> bool:
        """Forget those that an accepted tick confirms or takes back, because its source goes on
        elsewhere; whether it confirms the trade of one."""
        name, trade = tick.source.name, None
        if (tick.trade is not None or tick.book is not None) and tick.symbol in self.trades:
            trade = self.trades[tick.symbol].pop(name, None)
        if tick.book is not None and tick.symbol in self.books:
            self.books[tick.symbol].pop(name, None)
        return trade is not None and not _is_far(tick, trade.tick.prices[0], policy.max_divergence)

    def lasting(self, symbol: str, now: datetime) -> list[Tick]:
        """The outliers of a symbol that their sources have said again and stand by, each once."""
        lasting = [
            outlier
            for kept in (self.trades, self.books)
            for outlier in kept.get(symbol, {}).values()
            if not outlier.is_offered
            and outlier.is_said_again
            and now - outlier.since >= _LASTS_AFTER
        ]
        for outlier in lasting:
            outlier.is_offered = True
        return [outlier.tick for outlier in lasting]

    def outlying(self, symbol: str, now: datetime) -> frozenset[str]:
        """The sources of a symbol whose last book, or trades said again, were just refused."""
        return frozenset(
            name
            for kept, for_long in ((self.books, _LASTS_AFTER), (self.trades, _STANDS_FOR))
            for name, outlier in kept.get(symbol, {}).items()
            if outlier.is_said_again and now - outlier.tick.received_at <= for_long
        )

    def is_confirmed(self, tick: Tick, policy: Policy) -> bool:
        """Whether another real source was rejected for about the same price just now."""
        return tick.source.is_real and any(
            other.tick.trade is not None
            and other.tick.source.is_real
            and other.tick.recorded_at == tick.recorded_at
            and name != tick.source.name
            and tick.received_at - other.tick.received_at <= policy.max_age
            and not _is_far(tick, other.tick.trade.price, policy.max_deviation)
            for name, other in self.trades.get(tick.symbol, {}).items()
        )


class LoneTrades:
    """Knows the trades far outside their source's book that wait for another one near them."""

    def __init__(self) -> None:
        # By symbol and source, the first one since a trade that was not far outside.
        self._first: dict[tuple[str, str], Tick] = {}

    def is_lone(
        self, tick: Tick, held: SourceQuote | None, peers: Iterable[SourceQuote], policy: Policy
    ) -> bool:
        """Whether the trade of `tick` is further than `max_divergence` outside its source's book,
        no peer is near it, and the source has not traded near it for half a second.

        `held` is what the source reported before.
        """
        trade, book = tick.trade, tick.book or _recent_book(held, tick)
        if trade is None:
            return False
        if book is None or not _is_far_outside(trade, book, policy.max_divergence):
            if self._first:
                self._first.pop((tick.symbol, tick.source.name), None)
            return False
        if any(_is_near(trade, peer.trade, policy.max_divergence) for peer in peers):
            return False
        key = tick.symbol, tick.source.name
        first = self._first.get(key)
        if first is None or not _is_near(trade, first.trade, policy.max_divergence):
            first = self._first[key] = tick
        return tick.received_at - first.received_at < ONE_ORDER


def _recent_book(held: SourceQuote | None, tick: Tick) -> TopOfBook | None:
    if held is None or held.book_from is None:
        return None
    age = tick.received_at - held.book_from.received_at
    return held.book if age <= _BOOK_COUNTS_FOR else None


def _is_far_outside(trade: Trade, book: TopOfBook, most: Decimal) -> bool:
    price = trade.price
    if book.bid <= price <= book.ask:
        return False
    return price < book.bid * (1 - most) or price > book.ask * (1 + most)


def _is_near(trade: Trade, other: Trade | None, most: Decimal) -> bool:
    return other is not None and abs(trade.price - other.price) <= other.price * most


def _is_far(tick: Tick, reference: Decimal, most: Decimal) -> bool:
    """Whether one of the prices of a tick is further from another one than a fraction of it."""
    return any(abs(price - reference) > reference * most for price in tick.prices)
