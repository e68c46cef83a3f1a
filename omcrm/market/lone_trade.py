"""A trade far outside its own source's book, which nothing confirms yet."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from omcrm.market.policy import Policy
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick, TopOfBook, Trade

# A book says something about a trade for so long after it came.
_BOOK_COUNTS_FOR = timedelta(seconds=2)
ONE_ORDER = timedelta(seconds=0.5)
"""Trades within so long may be fills of one order: one of later confirms the price."""


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
