from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from omcrm.extensions import db
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.daily_bar import DailyBar
from omcrm.market.price_class import PriceClass
from omcrm.storage.daily_bar import DailyBarRow, add_candles, daily_candles
from omcrm.storage.instrument import InstrumentRow

DAY = date(2026, 3, 3)


@pytest.fixture
def instruments(database: None) -> None:
    """BTC and ETH."""
    for instrument in CATALOGUE[:2]:
        row = InstrumentRow(
            symbol=instrument.symbol, name=instrument.name, asset_class="crypto", decimals=2,
            provider_symbols={},
        )  # fmt: skip
        db.session.add(row)
    db.session.commit()


def candle(
    day: date = DAY, source: str = "binance", close: str = "2", symbol: str = "BTC"
) -> DailyBar:
    return DailyBar(
        symbol=symbol,
        day=day,
        source=source,
        price_class=PriceClass.CLOSED,
        open=Decimal("1.10"),
        close=Decimal(close),
    )


def add(*candles: DailyBar, now: datetime) -> int:
    count = add_candles(candles, now)
    db.session.commit()
    db.session.expire_all()
    return count


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(DailyBarRow)) or 0


def test_a_day_comes_back_as_it_was(instruments: None, now: datetime) -> None:
    """Digit by digit; what was not told is still not known."""
    told = candle(close="61837.6300000000000000001")

    assert 1 == add(told, now=now)
    assert {"BTC": {DAY: told}} == daily_candles(["BTC"], DAY, DAY)
    assert told.high is told.low is told.volume is None


def test_a_day_is_added_once(instruments: None, now: datetime) -> None:
    """A second time nothing is new, also where the source says something else by now."""
    add(candle(), now=now)

    assert 1 == add(candle(close="3"), candle(DAY + timedelta(days=1)), now=now)
    assert 2 == rows()
    assert Decimal(2) == daily_candles(["BTC"], DAY, DAY)["BTC"][DAY].close


def test_sources_are_kept_apart(instruments: None, now: datetime) -> None:
    """Each has its own word; the one that the policy prefers is given."""
    assert 3 == add(candle(source="kraken"), candle(), candle(source="simulated"), now=now)
    assert "binance" == daily_candles(["BTC"], DAY, DAY)["BTC"][DAY].source


def test_days_come_in_order_within_the_span(instruments: None, now: datetime) -> None:
    """Both ends belong to it; a symbol of which nothing is known has no days."""
    days = [DAY + timedelta(days=number) for number in range(5)]
    add(*(candle(day) for day in reversed(days)), now=now)
    found = daily_candles(["BTC", "ETH"], days[1], days[3])

    assert days[1:4] == list(found["BTC"])
    assert {} == found["ETH"]


def test_many_days_fit(instruments: None, now: datetime) -> None:
    """A year of two symbols is added at once, and counted."""
    days = [DAY - timedelta(days=number) for number in range(365)]
    told = [candle(day, symbol=symbol) for day in days for symbol in ("BTC", "ETH")]

    assert 730 == add(*told, now=now)
    assert 0 == add(*told, now=now)
    assert 730 == rows()


def test_nothing_and_strangers_are_no_trouble(instruments: None, now: datetime) -> None:
    """A symbol without an instrument is passed over."""
    assert 0 == add(now=now)
    assert 0 == add(candle(symbol="NONE"), now=now)
    assert 0 == rows()
