from datetime import UTC, datetime
from decimal import Decimal

from flask import Flask
from msgspec import structs

from omcrm.extensions import db
from omcrm.feeds.history_query import HistoryResult
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from omcrm.pricing.backfill import BackfillResult, backfill, wishes
from omcrm.pricing.upstream_query import UpstreamQuery
from omcrm.storage.daily_bar import add_candles
from tests.processes import Exchange

THREE = (CATALOGUE[0], CATALOGUE[8], CATALOGUE[16])
DAYS = 7


def calls(exchange: Exchange) -> int:
    """How many questions over HTTP all venues have answered."""
    venues = exchange.state()["venues"]
    return sum(venue["http_answers"] for venue in venues.values())


def test_what_is_missing_is_asked_for_and_nothing_else(priced: Flask, exchange: Exchange) -> None:
    """A second time nobody is asked; a day that is taken away is asked for again."""
    query, now = UpstreamQuery(priced.extensions["omcrm.settings"], 60), datetime.now(UTC)
    first = list(backfill(query, THREE, DAYS, now))
    add_candles([candle for filled in first for candle in filled.found.candles[1:]], now)
    db.session.commit()
    second = list(backfill(query, THREE, DAYS, now))
    add_candles([candle for filled in second for candle in filled.found.candles], now)
    db.session.commit()
    third = list(backfill(query, THREE, DAYS, now))
    query.close()

    assert ["BTC", "AAPL", "EURUSD"] == [backfill.found.symbol for backfill in first]
    assert DAYS == first[0].expected
    assert all(backfill.expected == len(backfill.found.candles) for backfill in first)
    assert [1, 1, 1] == [len(backfill.found.candles) for backfill in second]
    assert [(), (), ()] == [backfill.found.candles for backfill in third]
    assert not any(backfill.has_failed for backfill in (*first, *second, *third))


def test_a_simulated_day_is_none_where_a_real_source_can_be_asked(priced: Flask) -> None:
    """It is wished for again; a real one is not."""
    query, now = UpstreamQuery(priced.extensions["omcrm.settings"], 60), datetime.now(UTC)
    (found,) = (backfill.found for backfill in backfill(query, THREE[:1], 2, now))
    invented = structs.replace(
        found.candles[0], source="simulated", price_class=PriceClass.SIMULATED
    )
    add_candles([invented, found.candles[1]], now)
    db.session.commit()
    (wish, expected) = wishes(query, THREE[:1], 2, now)["BTC"]
    query.close()

    assert (found.candles[0].day,) == wish.days
    assert wish.has_real
    assert 2 == expected
    assert Decimal(0) < found.candles[0].close


def test_a_day_that_nobody_knows_is_no_failure() -> None:
    """Only where somebody could not be asked."""
    day = datetime.now(UTC).date()

    assert not BackfillResult(1, HistoryResult("BTC", (), (day,))).has_failed
    assert not BackfillResult(1, HistoryResult("BTC", (), (), ("x: failed",))).has_failed
    assert BackfillResult(1, HistoryResult("BTC", (), (day,), ("x: failed",))).has_failed
