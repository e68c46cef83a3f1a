import sqlite3
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask
from msgspec import structs
from sqlalchemy import event

from omcrm.extensions import db
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, SourceQuote
from omcrm.market.source import LAST_RESORT
from omcrm.market.tick import Trade
from omcrm.pricing.price_writer import PriceWriter
from omcrm.storage.asset_price import latest_prices
from tests.values import BINANCE

SYMBOLS = ("BTC", "ETH", "SOL", "BNB", "ADA")


def now() -> datetime:
    return datetime.now(UTC)


def quote(symbol: str, price: str, kind: PriceClass = PriceClass.LIVE) -> Quote:
    at = now()
    said = SourceQuote(symbol, BINANCE, at, trade=Trade(Decimal(price), time=None))
    return Quote(symbol, 1, kind, said)


def test_only_what_has_changed_is_written(app: Flask) -> None:
    """The same price heard again is none; another price, class or source is."""
    writer = PriceWriter(app, 50, {})
    first = writer.write([quote(symbol, "1") for symbol in SYMBOLS], now())
    again = writer.write([quote(symbol, "1") for symbol in SYMBOLS], now())
    news = [quote("BTC", "2"), quote("ETH", "1", PriceClass.STALE), quote("SOL", "1")]

    assert (5, 0, 2) == (first, again, writer.write(news, now()))
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
    """Nobody told it; a quote without a price is nothing either."""
    said = SourceQuote("BTC", LAST_RESORT, now(), trade=Trade(Decimal(1)))
    empty = quote("ETH", "1")
    empty = structs.replace(empty, said=structs.replace(empty.said, trade=None))
    writer = PriceWriter(app, 50, {})

    assert 0 == writer.write([Quote("BTC", 1, PriceClass.LAST_RESORT, said), empty], now())


def test_batches_are_transactions(app: Flask) -> None:
    """So many prices in each, and the last one takes the rest."""
    commits = []
    with app.app_context():
        event.listen(db.engine, "commit", commits.append)
    PriceWriter(app, 2, {}).write([quote(symbol, "1") for symbol in SYMBOLS], now())

    assert 3 == len(commits)


def test_what_the_database_refuses_is_tried_again(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A busy database costs a round, not a price."""
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
