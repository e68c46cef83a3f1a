"""AAPL on 2014-06-09, when seven shares were made of one: a minute of that morning has both."""

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
def test_the_split_is_shown_once_and_nothing_else() -> None:
    """The share goes from 645 to 92 once; a price of before the split is never shown again."""
    prices, clock = recorded_prices(), ManualClock()
    consolidator = Consolidator(clock, Validator(), POLICIES)
    consolidator.follow([instrument("AAPL", AssetClass.STOCK, {"finnhub": "AAPL"})])
    shown, quote = [], None
    for moment, price in prices:
        clock.now = moment
        consolidator.set_health("finnhub", HealthState.HEALTHY, 1)
        offered = tick(trade(price, time=moment), symbol="AAPL", source=FINNHUB, at=moment)
        quote = consolidator.apply(offered) or quote
        if quote is not None:
            shown.append(quote.last)
    wrong = sum(price > 500 for _, price in prices)
    is_old = [price > BEFORE / 2 for price in shown]
    changes = sum(one is not other for one, other in pairwise(is_old))

    assert wrong > 0
    assert changes <= 1
    assert not is_old[-1]
    assert abs(shown[-1] * SPLIT - BEFORE) < BEFORE / 10
