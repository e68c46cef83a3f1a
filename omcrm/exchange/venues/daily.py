"""The finished days of a listing, as venues of daily prices tell them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from omcrm.exchange.candle import Candle
from omcrm.exchange.interval import DAY, HOUR
from omcrm.exchange.listing import Listing

PARTS_A_DAY = 6
PART = 4 * HOUR
# In which parts of an invented day its highest and its lowest price are.
_HIGH, _LOW = 1, 4


def finished_days(listing: Listing, now: int) -> dict[date, Candle]:
    """Give the days of UTC that are over at `now`, oldest first."""
    return {
        day_of(candle.time): candle for candle in listing.candles("1d") if candle.time + DAY <= now
    }


def day_of(milliseconds: int) -> date:
    """Give the day of UTC of a moment."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).date()


def parts(day: Candle) -> Iterator[Candle]:
    """Give the six candles of four hours that make a day: its path is straight but for one high
    and one low."""
    prices = [
        day.open + (day.close - day.open) * number // PARTS_A_DAY for number in range(PARTS_A_DAY)
    ] + [day.close]
    for number in range(PARTS_A_DAY):
        opened, closed = prices[number], prices[number + 1]
        yield Candle(
            time=day.time + number * PART,
            open=opened,
            high=day.high if number == _HIGH else max(opened, closed),
            low=day.low if number == _LOW else min(opened, closed),
            close=closed,
        )
