"""The invented past before the market model begins: a day by the minute, and the days before."""

import random
from itertools import pairwise

from omcrm.exchange.candle import Candle
from omcrm.exchange.history import DAYS, MINUTES_A_DAY
from omcrm.exchange.interval import DAY, MINUTE
from omcrm.exchange.listing import Listing
from omcrm.exchange.profile import Profile

TRADES_A_MINUTE = 72
DAYS_A_YEAR = 365
MINUTES_A_YEAR = DAYS_A_YEAR * MINUTES_A_DAY


def invent(
    listing: Listing,
    generator: random.Random,
    profile: Profile,
    price: int,
    now: int,
) -> None:
    """Give `listing` a day of closed minutes that end at `price`, its ids right below `now`."""
    minute = now // MINUTE * MINUTE
    prices = _path(listing.tick, generator, profile, price)
    counts = [generator.randint(TRADES_A_MINUTE // 2, TRADES_A_MINUTE * 3 // 2) for _ in prices[1:]]
    listing.first_time = minute - len(counts) * MINUTE
    first_id = now - sum(counts)
    typical = profile.typical_steps(price, listing.step)
    time = listing.first_time
    for (opening, close), count in zip(pairwise(prices), counts, strict=True):
        candle = _candle(listing, generator, opening, close, count)
        candle.time, candle.first_id, candle.last_id = time, first_id, first_id + count - 1
        candle.volume = round(generator.uniform(1.2, 2.8) * typical * count) * listing.step
        _fill(candle, generator, listing.step)
        listing.history.append(candle)
        time, first_id = time + MINUTE, first_id + count
    listing.history.current = Candle(minute, price, price, price, price)


def invent_days(listing: Listing, generator: random.Random, profile: Profile) -> None:
    """Give `listing` the days before its first minute, each of which ends where the next begins,
    and the rest of the day that this minute lies in."""
    days, window = listing.history.days, listing.history.window()
    if window is None:
        return
    later = days.popleft()
    time, value, last_id = later.time, later.open / listing.tick, later.first_id - 1
    deviation = profile.volatility * DAYS_A_YEAR**-0.5
    invented: list[Candle] = []
    while len(invented) + len(days) < DAYS:
        closing = round(value) * listing.tick
        value = max(10.0, value / (1 + generator.gauss(0.0, deviation)))
        candle = _candle(listing, generator, round(value) * listing.tick, closing, window.count)
        candle.time, candle.first_id, candle.last_id = time, last_id - candle.count + 1, last_id
        candle.volume = round(generator.uniform(0.6, 1.4) * window.volume) // listing.step
        candle.volume *= listing.step
        _fill(candle, generator, listing.step)
        if not invented:
            candle.join(later)
        invented.append(candle)
        time, last_id = time - DAY, candle.first_id - 1
    days.extendleft(invented)


def _path(tick: int, generator: random.Random, profile: Profile, price: int) -> list[int]:
    """Walk back from `price`, minute by minute."""
    deviation = profile.volatility * MINUTES_A_YEAR**-0.5
    prices, value = [price], price / tick
    for _ in range(MINUTES_A_DAY):
        value = max(10.0, value / (1 + generator.gauss(0.0, deviation)))
        prices.append(round(value) * tick)
    return prices[::-1]


def _candle(
    listing: Listing, generator: random.Random, opening: int, close: int, count: int
) -> Candle:
    reach = abs(close - opening) // listing.tick + 2
    high = max(opening, close) + generator.randint(0, reach) // 2 * listing.tick
    low = min(opening, close) - generator.randint(0, reach) // 2 * listing.tick
    return Candle(0, opening, high, low, close, count=count)


def _fill(candle: Candle, generator: random.Random, step: int) -> None:
    average = (candle.open + candle.high + candle.low + candle.close) // 4
    candle.quote = candle.volume * average
    candle.taker_volume = round(candle.volume * generator.uniform(0.3, 0.7)) // step * step
    candle.taker_quote = candle.taker_volume * average
