import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from omcrm.gateways.finance_query import content
from omcrm.gateways.finance_query.interval import IntervalSnapshot
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.source import HealthState
from omcrm.market.tick import DayFigures
from omcrm.web.market_access import market
from tests.values import START, tick, trade


class Broken:
    """An object whose attributes raise."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


@pytest.fixture
def computed() -> Counter[str]:
    """How often each channel was computed."""
    return Counter()


@pytest.fixture
def snapshot(app: Flask, computed: Counter[str]) -> Iterator[IntervalSnapshot]:
    """A snapshot of the catalogue, in which only BTC has a price."""
    with app.app_context():
        access = market()
        day = DayFigures(open=trade("60000").price, volume=trade("12").price)
        access.engine.consolidator.set_health("binance", HealthState.HEALTHY, 1)
        access.engine.take(tick(trade("66000"), day, at=datetime.now(UTC)))

        def count(channel: str, what: str, number: int) -> None:
            assert "computed" == what
            computed[channel] += number

        yield IntervalSnapshot(0.0, START, access, CloseHistory(), count)


def test_quotes_are_in_the_requested_order(
    snapshot: IntervalSnapshot, computed: Counter[str]
) -> None:
    """Each row is computed once for all lists; unknown symbols are not computed."""
    one = json.loads(content.quotes_text(snapshot, ("AAPL", "NOPE", "BTC")))
    other = json.loads(content.quotes_text(snapshot, ("BTC", "AAPL")))

    assert ["AAPL", "NOPE", "BTC"] == [row["symbol"] for row in one]
    assert [one[2], one[0]] == other
    assert ("66000.00", "+6000.00", "+10.00%") == (
        other[0]["price"],
        other[0]["change"],
        other[0]["percentChange"],
    )
    assert {"Apple": None, None: None, "Bitcoin": "66000.00"} == {
        row["name"]: row["price"] for row in one
    }
    assert {content.QUOTES: 2} == computed


def test_the_market(snapshot: IntervalSnapshot, computed: Counter[str]) -> None:
    """Movers of the followed instruments, with their universe."""
    message = json.loads(content.market_text(snapshot))

    assert content.market_text(snapshot) is content.market_text(snapshot)
    assert ["BTC"] == [mover["symbol"] for mover in message["gainers"]]
    assert ["BTC"] == [mover["symbol"] for mover in message["actives"]]
    assert ([], [], "catalogue") == (message["losers"], message["headlines"], message["universe"])
    assert [None, 110] == [index["value"] for index in message["indices"]]
    assert 4 == len(message["sectors"])
    assert {content.MARKET: 1} == computed


def test_a_profile(snapshot: IntervalSnapshot) -> None:
    """The long quote, similar instruments as short quotes, the sector."""
    coin, share = (json.loads(content.profile_text(snapshot, name)) for name in ("BTC", "AAPL"))

    assert ("Bitcoin", "12", None) == (
        coin["quote"]["name"],
        coin["quote"]["volume"],
        coin["sectorPerformance"],
    )
    assert 7 == len(coin["similar"])
    assert ["MSFT", "NVDA"] == [peer["symbol"] for peer in share["similar"]]
    assert "Technology" == share["sectorPerformance"]["sector"]


def test_the_profile_of_an_unknown_symbol(snapshot: IntervalSnapshot) -> None:
    """It has the same keys as any profile."""
    assert {
        "quote": None,
        "similar": [],
        "sectorPerformance": None,
        "news": [],
        "universe": "catalogue",
    } == json.loads(content.profile_text(snapshot, None))


def test_hours(snapshot: IntervalSnapshot) -> None:
    """They are those at the time of the snapshot."""
    assert {
        "status": "Open",
        "reason": "Regular trading hours",
        "timestamp": "2026-03-04T15:00:00.000Z",
    } == json.loads(content.hours_text(snapshot))


def test_without_news_the_rest_is_sent(snapshot: IntervalSnapshot) -> None:
    """Only the headlines are empty."""
    snapshot.news = Broken()
    message, one = (
        json.loads(text)
        for text in (content.market_text(snapshot), content.profile_text(snapshot, "BTC"))
    )

    assert ([], []) == (message["headlines"], one["news"])
    assert ["BTC"] == [mover["symbol"] for mover in message["gainers"]]
    assert "66000.00" == one["quote"]["price"]


def test_without_the_database_the_quotes_are_sent(snapshot: IntervalSnapshot) -> None:
    """Only the figures of the closes are unknown."""
    snapshot.archive = Broken()
    message = json.loads(content.market_text(snapshot))
    one = json.loads(content.profile_text(snapshot, "AAPL"))

    assert [None] * 4 == [sector["ytdReturn"] for sector in message["sectors"]]
    assert ("Apple", None) == (one["quote"]["name"], one["quote"]["yearHigh"])


def test_without_quotes_the_sections_are_empty(snapshot: IntervalSnapshot) -> None:
    """Each section is None or [], and the message is complete."""
    snapshot.quotes = Broken()
    message = json.loads(content.market_text(snapshot))
    one = json.loads(content.profile_text(snapshot, "AAPL"))
    [row] = json.loads(content.quotes_text(snapshot, ("AAPL",)))

    assert [[]] * 5 == [
        message[name] for name in ("actives", "gainers", "losers", "indices", "sectors")
    ]
    assert (None, None) == (one["quote"], one["sectorPerformance"])
    assert {"AAPL", None} == set(row.values())


def test_every_instrument_has_a_profile(snapshot: IntervalSnapshot) -> None:
    """No instrument of the catalogue raises."""
    for instrument in CATALOGUE:
        message = json.loads(content.profile_text(snapshot, instrument.symbol))
        assert instrument.name == message["quote"]["name"]
