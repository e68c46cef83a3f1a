"""The invented history before the market model begins: one day by the minute, and the days
before."""

import random
from itertools import pairwise

from simulator.bar_history import DAYS, MINUTES_A_DAY
from simulator.interval import DAY, MINUTE
from simulator.listing import Listing
from simulator.model_profile import ModelProfile
from simulator.simulated_bar import SimulatedBar

TRADES_A_MINUTE = 72
DAYS_A_YEAR = 365
MINUTES_A_YEAR = DAYS_A_YEAR * MINUTES_A_DAY


def invent(
    listing: Listing,
    generator: random.Random,
    profile: ModelProfile,
    price: int,
    now: int,
) -> None:
    """Add a day of closed minutes to `listing` that ends at `price`; trade ids end right below
    `now`."""
    minute = now // MINUTE * MINUTE
    prices = _path(listing.tick, generator, profile, price)
    counts = [generator.randint(TRADES_A_MINUTE // 2, TRADES_A_MINUTE * 3 // 2) for _ in prices[1:]]
    listing.first_time = minute - len(counts) * MINUTE
    first_id = now - sum(counts)
    typical = profile.typical_steps(price, listing.step)
    time = listing.first_time
    for (opening, close), count in zip(pairwise(prices), counts, strict=True):
        bar = _bar(listing, generator, opening, close, count)
        bar.time, bar.first_id, bar.last_id = time, first_id, first_id + count - 1
        bar.volume = round(generator.uniform(1.2, 2.8) * typical * count) * listing.step
        _set_volumes(bar, generator, listing.step)
        listing.history.append(bar)
        time, first_id = time + MINUTE, first_id + count
    listing.history.current = SimulatedBar(minute, price, price, price, price)


def invent_days(listing: Listing, generator: random.Random, profile: ModelProfile) -> None:
    """Add the days before the first minute of `listing`, each ending where the next begins, and the
    rest of the day of that minute."""
    days, window = listing.history.days, listing.history.window()
    if window is None:
        return
    later = days.popleft()
    time, value, last_id = later.time, later.open / listing.tick, later.first_id - 1
    deviation = profile.volatility * DAYS_A_YEAR**-0.5
    invented: list[SimulatedBar] = []
    while len(invented) + len(days) < DAYS:
        closing = round(value) * listing.tick
        value = max(10.0, value / (1 + generator.gauss(0.0, deviation)))
        bar = _bar(listing, generator, round(value) * listing.tick, closing, window.count)
        bar.time, bar.first_id, bar.last_id = time, last_id - bar.count + 1, last_id
        bar.volume = round(generator.uniform(0.6, 1.4) * window.volume) // listing.step
        bar.volume *= listing.step
        _set_volumes(bar, generator, listing.step)
        if not invented:
            bar.join(later)
        invented.append(bar)
        time, last_id = time - DAY, bar.first_id - 1
    days.extendleft(invented)


def _path(tick: int, generator: random.Random, profile: ModelProfile, price: int) -> list[int]:
    """Return the prices of each minute, computed backwards from `price`."""
    deviation = profile.volatility * MINUTES_A_YEAR**-0.5
    prices, value = [price], price / tick
    for _ in range(MINUTES_A_DAY):
        value = max(10.0, value / (1 + generator.gauss(0.0, deviation)))
        prices.append(round(value) * tick)
    return prices[::-1]


def _bar(
    listing: Listing, generator: random.Random, opening: int, close: int, count: int
) -> SimulatedBar:
    reach = abs(close - opening) // listing.tick + 2
    high = max(opening, close) + generator.randint(0, reach) // 2 * listing.tick
    low = min(opening, close) - generator.randint(0, reach) // 2 * listing.tick
    return SimulatedBar(0, opening, high, low, close, count=count)


def _set_volumes(bar: SimulatedBar, generator: random.Random, step: int) -> None:
    average = (bar.open + bar.high + bar.low + bar.close) // 4
    bar.quote = bar.volume * average
    bar.taker_volume = round(bar.volume * generator.uniform(0.3, 0.7)) // step * step
    bar.taker_quote = bar.taker_volume * average
