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
    db.session.add_all(map(InstrumentRow.of, CATALOGUE[:2]))
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


def test_a_bar_is_stored_exactly(instruments: None, now: datetime) -> None:
    """Every digit; fields that the source does not send stay None."""
    bar = candle(close="61837.6300000000000000001")

    assert 1 == add(bar, now=now)
    assert {"BTC": {DAY: bar}} == daily_candles(["BTC"], DAY, DAY)
    assert bar.high is bar.low is bar.volume is None


def test_a_day_is_added_once(instruments: None, now: datetime) -> None:
    """A second bar of the same day is ignored, also where its values differ."""
    add(candle(), now=now)

    assert 1 == add(candle(close="3"), candle(DAY + timedelta(days=1)), now=now)
    assert 2 == rows()
    assert Decimal(2) == daily_candles(["BTC"], DAY, DAY)["BTC"][DAY].close


def test_sources_are_kept_apart(instruments: None, now: datetime) -> None:
    """Each source has its own bar; the result has the one that the policy prefers."""
    assert 3 == add(candle(source="kraken"), candle(), candle(source="simulated"), now=now)
    assert "binance" == daily_candles(["BTC"], DAY, DAY)["BTC"][DAY].source


def test_days_come_in_order_within_the_span(instruments: None, now: datetime) -> None:
    """Both ends are included; a symbol without bars has no days."""
    days = [DAY + timedelta(days=number) for number in range(5)]
    add(*(candle(day) for day in reversed(days)), now=now)
    bars = daily_candles(["BTC", "ETH"], days[1], days[3])

    assert days[1:4] == list(bars["BTC"])
    assert {} == bars["ETH"]


def test_many_days_fit(instruments: None, now: datetime) -> None:
    """A year of two symbols is added in one call, and counted."""
    days = [DAY - timedelta(days=number) for number in range(365)]
    bars = [candle(day, symbol=symbol) for day in days for symbol in ("BTC", "ETH")]

    assert 730 == add(*bars, now=now)
    assert 0 == add(*bars, now=now)
    assert 730 == rows()


def test_no_bars_and_unknown_symbols(instruments: None, now: datetime) -> None:
    """A symbol without an instrument is skipped."""
    assert 0 == add(now=now)
    assert 0 == add(candle(symbol="NONE"), now=now)
    assert 0 == rows()
