"""An order book by price level, and what has changed in it since someone last looked."""

from collections.abc import Iterable

Level = tuple[int, int]
Levels = list[Level]


class Book:
    """Both sides of one symbol's book: price to quantity, in 1e-8."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.update_id = 0
        self.watches: list[Watch] = []

    def replace(self, update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Forget everything and hold this snapshot."""
        self.update_id = update_id
        self.bids, self.asks = dict(bids), dict(asks)

    def set_bid(self, price: int, quantity: int) -> None:
        """Set one bid level; no quantity removes it."""
        _set(self.bids, price, quantity)
        for watch in self.watches:
            watch.bids[price] = quantity

    def set_ask(self, price: int, quantity: int) -> None:
        """Set one ask level; no quantity removes it."""
        _set(self.asks, price, quantity)
        for watch in self.watches:
            watch.asks[price] = quantity

    def levels(self, limit: int) -> tuple[Levels, Levels]:
        """Give the best `limit` bids and asks, best first."""
        bids = sorted(self.bids.items(), reverse=True)[:limit]
        return bids, sorted(self.asks.items())[:limit]


def _set(side: dict[int, int], price: int, quantity: int) -> None:
    if quantity:
        side[price] = quantity
    else:
        side.pop(price, None)


class Watch:
    """The levels of a book that changed since the last `take`."""

    def __init__(self, book: Book) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self._book = book
        self._last_id = book.update_id

    def take(self) -> tuple[int, int, Levels, Levels] | None:
        """Give first and last update id and the changed levels; None where nothing changed."""
        first, last = self._last_id + 1, self._book.update_id
        if last < first:
            return None
        bids, asks = sorted(self.bids.items(), reverse=True), sorted(self.asks.items())
        self.bids, self.asks, self._last_id = {}, {}, last
        return first, last, bids, asks
