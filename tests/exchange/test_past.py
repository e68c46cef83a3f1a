import random
from itertools import pairwise

from omcrm.exchange.fixed import ONE
from omcrm.exchange.listing import Listing
from omcrm.exchange.past import invent
from omcrm.exchange.profile import PROFILES
from omcrm.market.instrument import AssetClass

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
    assert all(0 < candle.taker_volume < candle.volume for candle in closed)
