"""An order book by price level, and its changes for each subscription."""

from collections.abc import Iterable

Level = tuple[int, int]
Levels = list[Level]


class SimulatedBook:
    """Both sides of one symbol's book: price to quantity, in 1e-8."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.update_id = 0
        self.subscriptions: list[BookSubscription] = []

    def replace(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace the book by this snapshot."""
        self.update_id = update_id
        self.bids, self.asks = dict(bids), dict(asks)

    def set_bid(self, price: int, quantity: int) -> None:
        """Set one bid level; no quantity removes it."""
        _set(self.bids, price, quantity)
        for subscription in self.subscriptions:
            subscription.bids[price] = quantity

    def set_ask(self, price: int, quantity: int) -> None:
        """Set one ask level; no quantity removes it."""
        _set(self.asks, price, quantity)
        for subscription in self.subscriptions:
            subscription.asks[price] = quantity

    def levels(self, limit: int) -> tuple[Levels, Levels]:
        """Return the best `limit` bids and asks, best first."""
        bids = sorted(self.bids.items(), reverse=True)[:limit]
        return bids, sorted(self.asks.items())[:limit]


def _set(side: dict[int, int], price: int, quantity: int) -> None:
    if quantity:
        side[price] = quantity
    else:
        side.pop(price, None)


class BookSubscription:
    """The levels of a book that changed since the last `take`."""

    def __init__(self, book: SimulatedBook) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self._book = book
        self._last_id = book.update_id

    def take(self) -> tuple[int, int, Levels, Levels] | None:
        """Return first and last update id and the changed levels; None without changes."""
        first, last = self._last_id + 1, self._book.update_id
        if last < first:
            return None
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        self.bids, self.asks, self._last_id = {}, {}, last
        return first, last, bids, asks
