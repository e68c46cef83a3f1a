"""AAPL on the day of its 7:1 split, 2014-06-09: the recording mixes old and new prices."""

import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.source import HealthState, Source
from omcrm.market.validation import Validator
from tests.conftest import ManualClock
from tests.processes import MARKET_DATA
from tests.values import instrument, tick, trade

MINUTES = MARKET_DATA / "ohlcv" / "stocks-split-day" / "aapl_20140609_trade.zip"
MIDNIGHT = datetime(2014, 6, 9, tzinfo=ZoneInfo("America/New_York"))
FINNHUB = Source("finnhub", PriceClass.LIVE)
BEFORE, SPLIT = Decimal("645.57"), Decimal(7)


def recorded_prices() -> list[tuple[datetime, Decimal]]:
    """Open, high, low and close of each minute, a quarter of a minute apart."""
    with zipfile.ZipFile(MINUTES) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    prices = []
    for line in lines:
        at, *bar = line.split(",")[:5]
        for quarter, price in enumerate(bar):
            moment = MIDNIGHT + timedelta(milliseconds=int(at), seconds=15 * quarter)
            prices.append((moment, Decimal(price) / 10_000))
    return prices


@pytest.mark.skipif(not MINUTES.exists(), reason="the recorded market data is not here")
def test_the_quote_changes_to_the_split_price_once() -> None:
    """The quote goes from 645 to 92 once; afterwards no price from before the split is shown."""
    prices, clock = recorded_prices(), ManualClock()
    consolidator = Consolidator(clock, Validator(), POLICIES)
    consolidator.follow([instrument("AAPL", AssetClass.STOCK, {"finnhub": "AAPL"})])
    shown, quote = [], None
    for moment, price in prices:
        clock.now = moment
        consolidator.set_health("finnhub", HealthState.HEALTHY, 1)
        new_tick = tick(trade(price, time=moment), symbol="AAPL", source=FINNHUB, at=moment)
        quote = consolidator.apply(new_tick) or quote
        if quote is not None:
            shown.append(quote.last)
    presplit_count = sum(price > 500 for _, price in prices)
    is_presplit = [price > BEFORE / 2 for price in shown]
    changes = sum(one is not other for one, other in pairwise(is_presplit))

    assert presplit_count > 0
    assert changes <= 1
    assert not is_presplit[-1]
    assert abs(shown[-1] * SPLIT - BEFORE) < BEFORE / 10
