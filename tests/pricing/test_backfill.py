from datetime import UTC, datetime
from decimal import Decimal

from flask import Flask
from msgspec import structs

from omcrm.extensions import db
from omcrm.feeds.history_query import HistoryResult
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from omcrm.pricing.backfill import BackfillResult, backfill, missing_days
from omcrm.pricing.upstream_query import UpstreamQuery
from omcrm.services import services_of
from omcrm.storage.daily_bar import add_candles
from tests.processes import Exchange

THREE = (CATALOGUE[0], CATALOGUE[8], CATALOGUE[16])
DAYS = 7


def calls(exchange: Exchange) -> int:
    """How many HTTP calls all venues have answered."""
    venues = exchange.state()["venues"]
    return sum(venue["http_answers"] for venue in venues.values())


def test_only_missing_days_are_fetched(priced: Flask, exchange: Exchange) -> None:
    """A second time no call is made; a day that was deleted is fetched again."""
    query, now = UpstreamQuery(services_of(priced).settings, 60), datetime.now(UTC)
    first = list(backfill(query, THREE, DAYS, now))
    add_candles([candle for backfilled in first for candle in backfilled.result.candles[1:]], now)
    db.session.commit()
    second = list(backfill(query, THREE, DAYS, now))
    add_candles([candle for backfilled in second for candle in backfilled.result.candles], now)
    db.session.commit()
    third = list(backfill(query, THREE, DAYS, now))
    query.close()

    assert ["BTC", "AAPL", "EURUSD"] == [backfill.result.symbol for backfill in first]
    assert DAYS == first[0].expected
    assert all(backfill.expected == len(backfill.result.candles) for backfill in first)
    assert [1, 1, 1] == [len(backfill.result.candles) for backfill in second]
    assert [(), (), ()] == [backfill.result.candles for backfill in third]
    assert not any(backfill.has_failed for backfill in (*first, *second, *third))


def test_a_simulated_day_counts_as_missing_beside_a_real_source(priced: Flask) -> None:
    """It is fetched again; a real one is not."""
    query, now = UpstreamQuery(services_of(priced).settings, 60), datetime.now(UTC)
    (result,) = (backfill.result for backfill in backfill(query, THREE[:1], 2, now))
    invented = structs.replace(
        result.candles[0], source="simulated", price_class=PriceClass.SIMULATED
    )
    add_candles([invented, result.candles[1]], now)
    db.session.commit()
    (missing, expected) = missing_days(query, THREE[:1], 2, now)["BTC"]
    query.close()

    assert (result.candles[0].day,) == missing.days
    assert missing.has_real
    assert 2 == expected
    assert Decimal(0) < result.candles[0].close


def test_a_day_without_trades_is_no_failure() -> None:
    """Only a source that could not be asked makes a failure."""
    day = datetime.now(UTC).date()

    assert not BackfillResult(1, HistoryResult("BTC", (), (day,))).has_failed
    assert not BackfillResult(1, HistoryResult("BTC", (), (), ("x: failed",))).has_failed
    assert BackfillResult(1, HistoryResult("BTC", (), (day,), ("x: failed",))).has_failed
