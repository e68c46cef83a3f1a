"""The completed days of a listing, for providers of daily prices."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from simulator.interval import DAY, HOUR
from simulator.listing import Listing
from simulator.simulated_bar import SimulatedBar

BARS_A_DAY = 6
BAR_LENGTH = 4 * HOUR
# The bars of an invented day that contain its highest and its lowest price.
_HIGH, _LOW = 1, 4


def finished_days(listing: Listing, now: int) -> dict[date, SimulatedBar]:
    """Return the completed days (UTC) at `now`, oldest first."""
    return {day_of(bar.time): bar for bar in listing.bars("1d") if bar.time + DAY <= now}


def day_of(milliseconds: int) -> date:
    """Return the day (UTC) of a moment."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).date()


def four_hour_bars(day: SimulatedBar) -> Iterator[SimulatedBar]:
    """Return the six bars of four hours that make a day: its path is straight but for one high
    and one low."""
    prices = [
        day.open + (day.close - day.open) * number // BARS_A_DAY for number in range(BARS_A_DAY)
    ] + [day.close]
    for number in range(BARS_A_DAY):
        opened, closed = prices[number], prices[number + 1]
        yield SimulatedBar(
            time=day.time + number * BAR_LENGTH,
            open=opened,
            high=day.high if number == _HIGH else max(opened, closed),
            low=day.low if number == _LOW else min(opened, closed),
            close=closed,
        )
