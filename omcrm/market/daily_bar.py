"""One finished day of one symbol, as a source reports it."""

from datetime import date
from decimal import Decimal

from msgspec import Struct

from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source


class DailyBar(Struct, frozen=True, kw_only=True):
    """One finished day; None for what the source does not report, which the close never is.

    `day` is the date where the market is: of UTC for coins, New York for shares, Frankfurt for
    currencies. The volume is in units of the instrument.
    """

    symbol: str
    day: date
    source: str
    price_class: PriceClass
    close: Decimal
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None

    @property
    def is_plausible(self) -> bool:
        """Whether a day can have been so: prices above zero, the others between low and high."""
        prices = [
            price for price in (self.close, self.open, self.high, self.low) if price is not None
        ]
        if not all(price.is_finite() and price > 0 for price in prices):
            return False
        if self.volume is not None and not (self.volume.is_finite() and self.volume >= 0):
            return False
        return self.low in (None, min(prices)) and self.high in (None, max(prices))


def class_of_close(source: Source) -> PriceClass:
    """The price class of the close of a past day, which is never live."""
    return PriceClass.CLOSED if source.claim is PriceClass.LIVE else source.claim
