import random
from itertools import pairwise

from omcrm.market.instrument import AssetClass
from simulator.bar_history import DAYS
from simulator.fixed import ONE
from simulator.interval import DAY
from simulator.invented_history import invent, invent_days
from simulator.listing import Listing
from simulator.model_profile import PROFILES

NOW = 1_770_000_012_345


def test_the_invented_day_leads_to_the_present() -> None:
    """Each minute begins where the last ended, the last ends at the price, ids end right below."""
    listing = Listing("ABCUSDT", "ABC", "USDT", tick=ONE // 100, step=ONE // 1000)
    invent(listing, random.Random(1), PROFILES[AssetClass.CRYPTO], 162 * ONE, NOW)
    *closed, current = listing.history.minutes()

    assert 162 * ONE == closed[-1].close == current.open
    assert NOW - 1 == closed[-1].last_id
    assert all(a.close == b.open and a.last_id + 1 == b.first_id for a, b in pairwise(closed))
    assert all(c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in closed)
    assert all(0 < bar.taker_volume < bar.volume for bar in closed)


def test_the_days_before_lead_to_the_invented_day() -> None:
    """Each begins where the one before ended, ids go on, and the first minute's day is whole."""
    listing = Listing("ABCUSDT", "ABC", "USDT", tick=ONE // 100, step=ONE // 1000)
    profile = PROFILES[AssetClass.CRYPTO]
    invent(listing, random.Random(1), profile, 162 * ONE, NOW)
    window = listing.history.window()
    invent_days(listing, random.Random(2), profile)
    days = list(listing.history.days)

    assert DAYS == len(days)
    assert all(b.time - a.time == DAY for a, b in pairwise(days))
    assert all(a.close == b.open and a.last_id + 1 == b.first_id for a, b in pairwise(days))
    assert all(c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in days)
    assert all(0 < day.first_id < day.last_id for day in days)
    assert window == listing.history.window()
    assert 162 * ONE == days[-1].close


def test_without_minutes_there_are_no_days() -> None:
    """They would have nothing to lead to."""
    listing = Listing("ABCUSDT", "ABC", "USDT", tick=1, step=1)
    invent_days(listing, random.Random(1), PROFILES[AssetClass.CRYPTO])

    assert [] == list(listing.history.days)
