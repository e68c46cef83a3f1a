import time
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import func, select

from omcrm.extensions import db
from omcrm.pricing.daily_backfill import DailyBackfill
from omcrm.services import services_of
from omcrm.storage.daily_bar import DailyBarRow
from omcrm.storage.instrument import InstrumentRow
from tests.processes import Exchange, wait_for
from tests.threads import Threads
from tests.upstreams import frozen


def rows() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(DailyBarRow)) or 0


def keep(*symbols: str) -> None:
    """Follow these and no others."""
    for row in db.session.scalars(select(InstrumentRow)):
        row.active = row.symbol in symbols
    db.session.commit()


def test_the_last_days_are_written_once(priced: Flask) -> None:
    """Days in the database are not fetched again."""
    keep("BTC", "EURUSD")
    backfiller, now = DailyBackfill(priced, services_of(priced).settings), datetime.now(UTC)
    added = backfiller.backfill_missing(now)

    assert added == rows()
    assert 7 < added <= 12
    assert 0 == backfiller.backfill_missing(now)


def test_a_failed_symbol_is_retried_after_an_hour(priced: Flask, exchange: Exchange) -> None:
    """Every call counts; after an hour it is tried again."""
    keep("AAPL")
    exchange.fault("trick", venue="alpha_vantage", name="information_premium")
    backfiller, now = DailyBackfill(priced, services_of(priced).settings), datetime.now(UTC)
    failed = backfiller.backfill_missing(now)
    exchange.clear()
    too_soon = backfiller.backfill_missing(now)
    backfiller._ask_at["AAPL"] -= 3600
    later = backfiller.backfill_missing(now)

    assert (0, 0) == (failed, too_soon)
    assert later == rows() > 0


def test_it_works_in_the_background_and_stops_immediately(
    priced: Flask, exchange: Exchange, threads: Threads
) -> None:
    """Also while an answer does not come; starting and stopping twice is harmless."""
    keep("BTC")
    backfiller = DailyBackfill(priced, services_of(priced).settings)
    backfiller.start()
    backfiller.start()
    wait_for(lambda: rows() == 7, 10, "the days of BTC")
    backfiller.stop()
    keep("ETH")
    with frozen(exchange):
        backfiller.start()
        time.sleep(0.5)
        backfiller.stop()
        backfiller.stop()
        # The exchange still sends nothing.
        threads.wait()
    assert 7 == rows()
