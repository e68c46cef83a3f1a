import sqlite3
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import event

from omcrm.extensions import db
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.pricing.price_writer import PriceWriter
from omcrm.storage.asset_price import latest_prices
from tests import values

SYMBOLS = ("BTC", "ETH", "SOL", "BNB", "ADA")


def now() -> datetime:
    return datetime.now(UTC)


def quote(symbol: str, price: str, kind: PriceClass = PriceClass.LIVE) -> Quote:
    return values.quote(values.trade(price), symbol=symbol, price_class=kind, at=now())


def test_only_what_has_changed_is_written(app: Flask) -> None:
    """The same price received again is no change; another price, class or source is."""
    writer = PriceWriter(app, 50, {})
    first = writer.write([quote(symbol, "1") for symbol in SYMBOLS], now())
    again = writer.write([quote(symbol, "1") for symbol in SYMBOLS], now())
    changed = [quote("BTC", "2"), quote("ETH", "1", PriceClass.STALE), quote("SOL", "1")]

    assert (5, 0, 2) == (first, again, writer.write(changed, now()))
    with app.app_context():
        assert (Decimal(2), PriceClass.STALE) == (
            latest_prices()["BTC"].price,
            latest_prices()["ETH"].price_class,
        )


def test_what_was_written_before_is_remembered(app: Flask) -> None:
    """A new process does not write everything again."""
    PriceWriter(app, 50, {}).write([quote("BTC", "1")], now())
    with app.app_context():
        written = latest_prices()

    assert 0 == PriceWriter(app, 50, written).write([quote("BTC", "1")], now())


def test_a_last_resort_price_is_not_written(app: Flask) -> None:
    """It comes from no source."""
    writer = PriceWriter(app, 50, {})

    assert 0 == writer.write([quote("BTC", "1", PriceClass.LAST_RESORT)], now())


def test_batches_are_transactions(app: Flask) -> None:
    """`batch` prices in each, and the rest in the last one."""
    commits = []
    with app.app_context():
        event.listen(db.engine, "commit", commits.append)
    PriceWriter(app, 2, {}).write([quote(symbol, "1") for symbol in SYMBOLS], now())

    assert 3 == len(commits)


def test_what_the_database_refuses_is_tried_again(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A busy database delays a price to the next round."""
    with app.app_context():
        path = db.engine.url.database
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=50")
            connection.connection.dbapi_connection.rollback()
    busy = sqlite3.connect(str(path))
    busy.execute("BEGIN IMMEDIATE")
    writer = PriceWriter(app, 50, {})

    with app.app_context():
        event.listen(db.engine, "checkout", lambda wire, *_: wire.execute("PRAGMA busy_timeout=50"))
    assert 0 == writer.write([quote("BTC", "1")], now())
    assert "tried again: OperationalError" in caplog.text
    busy.rollback()
    busy.close()
    assert 1 == writer.write([quote("BTC", "1")], now())
