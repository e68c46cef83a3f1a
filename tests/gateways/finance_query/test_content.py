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
    """Something that fails whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


@pytest.fixture
def computed() -> Counter[str]:
    """How often each channel was computed."""
    return Counter()


@pytest.fixture
def turn(app: Flask, computed: Counter[str]) -> Iterator[IntervalSnapshot]:
    """A turn of the catalogue, where BTC alone has a price."""
    with app.app_context():
        found = market()
        day = DayFigures(open=trade("60000").price, volume=trade("12").price)
        found.cache.set_condition("binance", HealthState.HEALTHY, 1)
        found.cache.apply(tick(trade("66000"), day, at=datetime.now(UTC)))

        def count(channel: str, what: str, number: int) -> None:
            assert "computed" == what
            computed[channel] += number

        yield IntervalSnapshot(0.0, START, found, CloseHistory(), count)


def test_quotes_are_in_the_order_asked(turn: IntervalSnapshot, computed: Counter[str]) -> None:
    """Each row is made once, whatever list it stands in; what is not followed costs nothing."""
    one = json.loads(content.quotes_text(turn, ("AAPL", "NOPE", "BTC")))
    other = json.loads(content.quotes_text(turn, ("BTC", "AAPL")))

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


def test_the_market(turn: IntervalSnapshot, computed: Counter[str]) -> None:
    """Movers of what is followed, and it says so."""
    told = json.loads(content.market_text(turn))

    assert content.market_text(turn) is content.market_text(turn)
    assert ["BTC"] == [mover["symbol"] for mover in told["gainers"]]
    assert ["BTC"] == [mover["symbol"] for mover in told["actives"]]
    assert ([], [], "catalogue") == (told["losers"], told["headlines"], told["universe"])
    assert [None, 110] == [index["value"] for index in told["indices"]]
    assert 4 == len(told["sectors"])
    assert {content.MARKET: 1} == computed


def test_a_profile(turn: IntervalSnapshot) -> None:
    """The long quote, others in their short form, the sector."""
    coin, share = (json.loads(content.profile_text(turn, name)) for name in ("BTC", "AAPL"))

    assert ("Bitcoin", "12", None) == (
        coin["quote"]["name"],
        coin["quote"]["volume"],
        coin["sectorPerformance"],
    )
    assert 7 == len(coin["similar"])
    assert ["MSFT", "NVDA"] == [peer["symbol"] for peer in share["similar"]]
    assert "Technology" == share["sectorPerformance"]["sector"]


def test_the_profile_of_nothing(turn: IntervalSnapshot) -> None:
    """It has the keys of every profile."""
    assert {
        "quote": None,
        "similar": [],
        "sectorPerformance": None,
        "news": [],
        "universe": "catalogue",
    } == json.loads(content.profile_text(turn, None))


def test_hours(turn: IntervalSnapshot) -> None:
    """They are those of the turn's moment."""
    assert {
        "status": "Open",
        "reason": "Regular trading hours",
        "timestamp": "2026-03-04T15:00:00.000Z",
    } == json.loads(content.hours_text(turn))


def test_news_that_fail_are_none(turn: IntervalSnapshot) -> None:
    """All the rest is there."""
    turn.news = Broken()
    told, one = (
        json.loads(text) for text in (content.market_text(turn), content.profile_text(turn, "BTC"))
    )

    assert ([], []) == (told["headlines"], one["news"])
    assert ["BTC"] == [mover["symbol"] for mover in told["gainers"]]
    assert "66000.00" == one["quote"]["price"]


def test_a_database_that_fails_leaves_the_quotes(turn: IntervalSnapshot) -> None:
    """Only what it would tell is not known."""
    turn.archive = Broken()
    told = json.loads(content.market_text(turn))
    one = json.loads(content.profile_text(turn, "AAPL"))

    assert [None] * 4 == [sector["ytdReturn"] for sector in told["sectors"]]
    assert ("Apple", None) == (one["quote"]["name"], one["quote"]["yearHigh"])


def test_quotes_that_fail_are_null(turn: IntervalSnapshot) -> None:
    """Every part says so in its own way, and the message is whole."""
    turn.quotes = Broken()
    told = json.loads(content.market_text(turn))
    one = json.loads(content.profile_text(turn, "AAPL"))
    [row] = json.loads(content.quotes_text(turn, ("AAPL",)))

    assert [[]] * 5 == [
        told[name] for name in ("actives", "gainers", "losers", "indices", "sectors")
    ]
    assert (None, None) == (one["quote"], one["sectorPerformance"])
    assert {"AAPL", None} == set(row.values())


def test_the_whole_catalogue_is_told(turn: IntervalSnapshot) -> None:
    """No instrument breaks a message."""
    for instrument in CATALOGUE:
        told = json.loads(content.profile_text(turn, instrument.symbol))
        assert instrument.name == told["quote"]["name"]
