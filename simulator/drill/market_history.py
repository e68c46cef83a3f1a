"""The market's own prices of the last minutes."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct


class PriceRange(Struct, frozen=True):
    """Between what prices a symbol was since the range before, and its last one."""

    low: Decimal
    high: Decimal
    last: Decimal


class MarketHistory:
    """What every symbol's price was; times in seconds of one clock.

    Prices are kept for `seconds`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ranges: dict[str, deque[tuple[float, PriceRange]]] = {}

    def note(self, ranges: Mapping[str, PriceRange], at: float) -> None:
        """Take in what has been since the last call."""
        for symbol, item in ranges.items():
            history = self._ranges.setdefault(symbol, deque())
            history.append((at, item))
            while history[0][0] < at - self._seconds:
                history.popleft()

    def last(self, symbol: str) -> Decimal | None:
        """The newest price; None where none is known."""
        history = self._ranges.get(symbol)
        return history[-1][1].last if history else None

    def has_been(self, symbol: str, price: Decimal, since: float, tolerance: Decimal) -> bool:
        """Whether the market has been at a price, to within `tolerance` (a fraction), at some time
        since `since`, as far as is known; also where nothing is."""
        history = self._ranges.get(symbol)
        if not history:
            return True
        ranges = [item for at, item in history if at >= since] or [history[-1][1]]
        low, high = min(item.low for item in ranges), max(item.high for item in ranges)
        return low * (1 - tolerance) <= price <= high * (1 + tolerance)
