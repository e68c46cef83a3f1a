import time
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import func, select

from omcrm.extensions import db
from omcrm.pricing.daily_backfill import DailyBackfill
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
    """What is there is not asked for again."""
    keep("BTC", "EURUSD")
    keeper, now = DailyBackfill(priced, priced.extensions["omcrm.settings"]), datetime.now(UTC)
    added = keeper.look(now)

    assert added == rows()
    assert 7 < added <= 12
    assert 0 == keeper.look(now)


def test_who_failed_is_left_alone_for_a_while(priced: Flask, exchange: Exchange) -> None:
    """Every call costs; after an hour it is tried again."""
    keep("AAPL")
    exchange.fault("trick", venue="alpha_vantage", name="information_premium")
    keeper, now = DailyBackfill(priced, priced.extensions["omcrm.settings"]), datetime.now(UTC)
    failed = keeper.look(now)
    exchange.clear()
    too_soon = keeper.look(now)
    keeper._ask_at["AAPL"] -= 3600
    later = keeper.look(now)

    assert (0, 0) == (failed, too_soon)
    assert later == rows() > 0


def test_it_works_in_the_background_and_ends_at_once(
    priced: Flask, exchange: Exchange, threads: Threads
) -> None:
    """Also in the middle of an answer that does not come; starting and stopping twice is fine."""
    keep("BTC")
    keeper = DailyBackfill(priced, priced.extensions["omcrm.settings"])
    keeper.start()
    keeper.start()
    wait_for(lambda: rows() == 7, 10, "the days of BTC")
    keeper.stop()
    keep("ETH")
    with frozen(exchange):
        keeper.start()
        time.sleep(0.5)
        keeper.stop()
        keeper.stop()
        # The exchange still says nothing.
        threads.wait()
    assert 7 == rows()
