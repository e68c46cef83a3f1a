import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from omcrm.extensions import db
from omcrm.gateways.finance_query.year_figures import CloseHistory, ReturnPeriod, YearFigures, past
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.trading_day import finished_days
from omcrm.storage.daily_bar import add_candles

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
TODAY = NOW.date()
AAPL = next(instrument for instrument in CATALOGUE if instrument.symbol == "AAPL")


def candle(day: date, close: str = "100", **details: object) -> DailyBar:
    price = Decimal(close)
    said = {
        "symbol": "AAPL",
        "source": "alpha_vantage",
        "price_class": PriceClass.CLOSED,
        "close": price,
        "high": price + 1,
        "low": price - 1,
        "volume": Decimal(1000),
    }
    return DailyBar(day=day, **(said | details))


def days(*candles: DailyBar) -> dict[date, DailyBar]:
    return {candle.day: candle for candle in candles}


def year(asset_class: AssetClass = AssetClass.STOCK, **details: object) -> list[DailyBar]:
    return [candle(day, **details) for day in finished_days(asset_class, 366, NOW)]


def told(candles: Iterable[DailyBar], asset_class: AssetClass = AssetClass.STOCK) -> YearFigures:
    return past(asset_class, days(*candles), NOW)


def test_returns_are_counted_from_the_close_before() -> None:
    """Of the last day of the year before, and of the same day of earlier years."""
    found = told(
        [
            candle(date(2021, 3, 4), "120"),
            candle(date(2023, 3, 3), "110"),
            candle(date(2025, 3, 4), "125"),
            candle(date(2025, 12, 31), "150"),
            candle(date(2026, 1, 5), "170"),
            candle(date(2026, 3, 3), "165"),
        ]
    )

    assert {
        ReturnPeriod.YEAR_TO_DATE: Decimal(10),
        ReturnPeriod.YEAR: Decimal(32),
        ReturnPeriod.THREE_YEARS: Decimal(50),
        ReturnPeriod.FIVE_YEARS: Decimal("37.5"),
    } == found.returns


def test_a_period_without_its_beginning_has_no_return() -> None:
    """A week before it will do, because of holidays; more will not."""
    newest = candle(date(2026, 3, 3))
    near = told([candle(date(2025, 12, 25)), newest])
    far = told([candle(date(2025, 12, 24)), newest])

    assert {ReturnPeriod.YEAR_TO_DATE} == near.returns.keys()
    assert {} == far.returns


def test_old_news_tell_nothing() -> None:
    """Where the closes ended long ago, today's return is not known, nor is it where none are."""
    assert YearFigures() == told([candle(date(2025, 12, 31)), candle(date(2026, 2, 20))])
    assert YearFigures() == told([])


def test_what_was_before_a_split_is_another_price() -> None:
    """Closes are as they were: ten for one is no loss of nine tenths."""
    split = [
        candle(date(2025, 3, 4), "1000"),
        candle(date(2025, 12, 31), "1200"),
        candle(date(2026, 1, 5), "121"),
        candle(date(2026, 3, 3), "125"),
    ]

    assert {} == told(split).returns
    assert {ReturnPeriod.YEAR, ReturnPeriod.YEAR_TO_DATE} == told(
        split, AssetClass.CRYPTO
    ).returns.keys()


def test_invented_days_are_not_mixed_with_real_ones() -> None:
    """The newest decides which of them count."""
    base = candle(date(2025, 12, 31), "90", price_class=PriceClass.SIMULATED)
    real = told([base, candle(date(2026, 3, 3))])
    invented = told([base, candle(date(2026, 3, 3), price_class=PriceClass.SIMULATED)])

    assert ({}, False) == (real.returns, real.is_simulated)
    assert ({ReturnPeriod.YEAR_TO_DATE}, True) == (invented.returns.keys(), invented.is_simulated)


def test_the_figures_of_a_year() -> None:
    """They are known where every day is, the newest excepted."""
    whole = year()
    found = told([*whole[:-1], candle(whole[-1].day, "120")])

    assert (Decimal(121), Decimal(99)) == (found.year_high, found.year_low)
    assert Decimal(1000) == found.average_volume
    assert found.year_high is not told(whole[:-1]).year_high is not None


@pytest.mark.parametrize("missing", [10, 100, 250])
def test_a_day_that_is_missing_may_have_been_the_highest(missing: int) -> None:
    """A year with a hole has no highest price; the volume needs a quarter only."""
    whole = year()
    found = told(whole[:-missing] + whole[-missing + 1 :])

    assert (None, None) == (found.year_high, found.year_low)
    assert (missing == 10) is (found.average_volume is None)


def test_a_volume_is_that_of_one_source() -> None:
    """Two exchanges count different trades; and where one tells no high, there is none."""
    whole = year(AssetClass.CRYPTO)
    other = candle(whole[-20].day, source="kraken", high=None)
    found = told([*whole[:-20], other, *whole[-19:]], AssetClass.CRYPTO)

    assert (None, None) == (found.average_volume, found.year_high)
    assert Decimal(99) == found.year_low


def test_on_a_leap_day_a_year_ago_is_the_day_before() -> None:
    """There was no 29th of February then."""
    now = datetime(2028, 2, 29, 15, tzinfo=UTC)
    closes = days(candle(date(2027, 2, 26), "80"), candle(date(2028, 2, 28)))

    assert Decimal(25) == past(AssetClass.STOCK, closes, now).returns[ReturnPeriod.YEAR]


# From the database


def test_the_archive_reads_each_once(app: Flask) -> None:
    """What is added later is seen the next day, or after an hour."""
    archive = CloseHistory()
    with app.app_context():
        add_candles([candle(date(2025, 12, 31), "80"), candle(date(2026, 3, 3))], NOW)
        db.session.commit()
        first = archive.past(AAPL, NOW)
        add_candles([candle(date(2025, 3, 4), "70")], NOW)
        db.session.commit()
        second, third = archive.past(AAPL, NOW), archive.past(AAPL, NOW + timedelta(days=1))

    assert {ReturnPeriod.YEAR_TO_DATE: Decimal(25)} == first.returns
    assert first is second
    assert {ReturnPeriod.YEAR_TO_DATE, ReturnPeriod.YEAR} == third.returns.keys()


def test_five_years_of_a_share_are_read_quickly(app: Flask) -> None:
    """It is done while others wait."""
    closes = [candle(day) for day in finished_days(AssetClass.STOCK, 1830, NOW)]
    with app.app_context():
        add_candles(closes, NOW)
        db.session.commit()
        db.session.expunge_all()
        began = time.thread_time()
        found = CloseHistory().past(AAPL, NOW)
        took = time.thread_time() - began

    assert set(ReturnPeriod) == found.returns.keys()
    assert took < 4
