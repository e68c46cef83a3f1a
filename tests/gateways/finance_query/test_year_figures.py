import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from omcrm.extensions import db
from omcrm.gateways.finance_query.year_figures import (
    CloseHistory,
    ReturnPeriod,
    YearFigures,
    year_figures,
)
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.daily_bar import DailyBar
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.trading_day import finished_days
from omcrm.storage.daily_bar import add_candles

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
TODAY = NOW.date()
BTC, AAPL = (item for item in CATALOGUE if item.symbol in ("BTC", "AAPL"))


def candle(day: date, close: str = "100", **details: object) -> DailyBar:
    price = Decimal(close)
    fields = {
        "symbol": "AAPL",
        "source": "alpha_vantage",
        "price_class": PriceClass.CLOSED,
        "close": price,
        "high": price + 1,
        "low": price - 1,
        "volume": Decimal(1000),
    }
    return DailyBar(day=day, **(fields | details))


def days(*candles: DailyBar) -> dict[date, DailyBar]:
    return {candle.day: candle for candle in candles}


def year(instrument: Instrument = AAPL, **details: object) -> list[DailyBar]:
    return [candle(day, **details) for day in finished_days(instrument.calendar, 366, NOW)]


def figures_of(candles: Iterable[DailyBar], instrument: Instrument = AAPL) -> YearFigures:
    return year_figures(instrument, days(*candles), NOW)


def test_returns_are_measured_from_the_close_before() -> None:
    """The close of the last day of the year before, and of the same day of earlier years."""
    figures = figures_of(
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
    } == figures.returns


def test_a_period_without_its_beginning_has_no_return() -> None:
    """A close up to a week older is accepted, because of holidays."""
    newest = candle(date(2026, 3, 3))
    near = figures_of([candle(date(2025, 12, 25)), newest])
    far = figures_of([candle(date(2025, 12, 24)), newest])

    assert {ReturnPeriod.YEAR_TO_DATE} == near.returns.keys()
    assert {} == far.returns


def test_old_closes_give_no_figures() -> None:
    """Neither do missing ones: today's return is not known then."""
    assert YearFigures() == figures_of([candle(date(2025, 12, 31)), candle(date(2026, 2, 20))])
    assert YearFigures() == figures_of([])


def test_closes_before_a_split_are_not_used() -> None:
    """Closes are not adjusted: a split of ten for one is no loss of 90 %."""
    split = [
        candle(date(2025, 3, 4), "1000"),
        candle(date(2025, 12, 31), "1200"),
        candle(date(2026, 1, 5), "121"),
        candle(date(2026, 3, 3), "125"),
    ]

    assert {} == figures_of(split).returns
    assert {ReturnPeriod.YEAR, ReturnPeriod.YEAR_TO_DATE} == figures_of(split, BTC).returns.keys()


def test_simulated_days_are_not_mixed_with_real_ones() -> None:
    """The newest day decides which kind counts."""
    base = candle(date(2025, 12, 31), "90", price_class=PriceClass.SIMULATED)
    real = figures_of([base, candle(date(2026, 3, 3))])
    invented = figures_of([base, candle(date(2026, 3, 3), price_class=PriceClass.SIMULATED)])

    assert ({}, False) == (real.returns, real.is_simulated)
    assert ({ReturnPeriod.YEAR_TO_DATE}, True) == (invented.returns.keys(), invented.is_simulated)


def test_the_figures_of_a_year() -> None:
    """They are known where every day except the newest is."""
    whole = year()
    figures = figures_of([*whole[:-1], candle(whole[-1].day, "120")])

    assert (Decimal(121), Decimal(99)) == (figures.year_high, figures.year_low)
    assert Decimal(1000) == figures.average_volume
    assert figures.year_high is not figures_of(whole[:-1]).year_high is not None


@pytest.mark.parametrize("missing", [10, 100, 250])
def test_a_missing_day_leaves_the_year_unknown(missing: int) -> None:
    """It may have been the highest; the average volume needs a quarter only."""
    whole = year()
    figures = figures_of(whole[:-missing] + whole[-missing + 1 :])

    assert (None, None) == (figures.year_high, figures.year_low)
    assert (missing == 10) is (figures.average_volume is None)


def test_an_average_volume_is_of_one_source() -> None:
    """Exchanges count different trades; a bar without a high leaves the year's high unknown."""
    whole = year(BTC)
    other = candle(whole[-20].day, source="kraken", high=None)
    figures = figures_of([*whole[:-20], other, *whole[-19:]], BTC)

    assert (None, None) == (figures.average_volume, figures.year_high)
    assert Decimal(99) == figures.year_low


def test_on_a_leap_day_a_year_ago_is_the_day_before() -> None:
    """The year before has no 29th of February."""
    now = datetime(2028, 2, 29, 15, tzinfo=UTC)
    closes = days(candle(date(2027, 2, 26), "80"), candle(date(2028, 2, 28)))

    assert Decimal(25) == year_figures(AAPL, closes, now).returns[ReturnPeriod.YEAR]


# From the database


def test_closes_are_read_once_an_hour(app: Flask) -> None:
    """Closes added later are used the next day, or after an hour."""
    archive = CloseHistory()
    with app.app_context():
        add_candles([candle(date(2025, 12, 31), "80"), candle(date(2026, 3, 3))], NOW)
        db.session.commit()
        first = archive.year_figures(AAPL, NOW)
        add_candles([candle(date(2025, 3, 4), "70")], NOW)
        db.session.commit()
        second, third = (
            archive.year_figures(AAPL, NOW),
            archive.year_figures(AAPL, NOW + timedelta(days=1)),
        )

    assert {ReturnPeriod.YEAR_TO_DATE: Decimal(25)} == first.returns
    assert first is second
    assert {ReturnPeriod.YEAR_TO_DATE, ReturnPeriod.YEAR} == third.returns.keys()


def test_five_years_of_a_share_are_read_quickly(app: Flask) -> None:
    """Green threads of other clients wait meanwhile."""
    closes = [candle(day) for day in finished_days(AAPL.calendar, 1830, NOW)]
    with app.app_context():
        add_candles(closes, NOW)
        db.session.commit()
        db.session.expunge_all()
        began = time.thread_time()
        figures = CloseHistory().year_figures(AAPL, NOW)
        took = time.thread_time() - began

    assert set(ReturnPeriod) == figures.returns.keys()
    assert took < 4
