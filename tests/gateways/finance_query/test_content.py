import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from flask import Flask

from omcrm.gateways.finance_query import content
from omcrm.gateways.finance_query.content import ago, headlines
from omcrm.gateways.finance_query.publisher import IntervalSnapshot
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.news_item import SIMULATED_NEWS, NewsItem
from omcrm.market.source import HealthState
from omcrm.market.tick import DayFigures
from omcrm.web.market_access import feed_engine, market_view
from tests.values import START, after, sent, tick, trade


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
        engine = feed_engine()
        day = DayFigures(open=trade("60000").price, volume=trade("12").price)
        engine.consolidator.set_health("binance", HealthState.HEALTHY, 1)
        engine.take(tick(trade("66000"), day, at=datetime.now(UTC)))

        def count(channel: str, what: str, number: int) -> None:
            assert "computed" == what
            computed[channel] += number

        yield IntervalSnapshot(0.0, START, market_view(), CloseHistory(), count)


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
    assert {content.QUOTES.name: 2} == computed


def test_the_market(snapshot: IntervalSnapshot, computed: Counter[str]) -> None:
    """Movers of the followed instruments, with their universe."""
    message = json.loads(content.market_text(snapshot))

    assert content.market_text(snapshot) is content.market_text(snapshot)
    assert ["BTC"] == [mover["symbol"] for mover in message["gainers"]]
    assert ["BTC"] == [mover["symbol"] for mover in message["actives"]]
    assert ([], [], "catalogue") == (message["losers"], message["headlines"], message["universe"])
    assert [None, 110] == [index["value"] for index in message["indices"]]
    assert 4 == len(message["sectors"])
    assert {content.MARKET.name: 1} == computed


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


# The hours of the exchange


@pytest.mark.parametrize(
    ("now", "status", "reason"),
    [
        ("2026-03-04T15:00", "Open", "Regular trading hours"),
        ("2026-03-04T14:29", "Closed", "Pre-market"),
        ("2026-03-04T14:30", "Open", "Regular trading hours"),
        ("2026-03-04T21:00", "Closed", "After-hours"),
        # At night, between the evening of one day and the morning of the next.
        ("2026-03-05T02:00", "Closed", "After-hours"),
        ("2026-03-05T06:00", "Closed", "Pre-market"),
        # The weekend begins at midnight in New York.
        ("2026-03-07T04:59", "Closed", "After-hours"),
        ("2026-03-07T05:00", "Closed", "Weekend"),
        ("2026-03-08T15:00", "Closed", "Weekend"),
        # Daylight saving time began the night before: the opening is an hour earlier in UTC.
        ("2026-03-09T13:30", "Open", "Regular trading hours"),
        ("2026-12-25T15:00", "Closed", "Holiday: Christmas"),
        ("2026-11-27T17:59", "Early Close", "Early Close: Day after Thanksgiving"),
        ("2026-11-27T18:00", "Closed", "After-hours"),
    ],
)
def test_status_and_reason(now: str, status: str, reason: str) -> None:
    """Each moment has a status and a reason of this dialect."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert {"status": status, "reason": reason, "timestamp": f"{now}:00.000Z"} == sent(
        content.hours(at)
    )


# Headlines


ITEM = NewsItem(
    id="0123456789abc",
    source="example.com",
    publisher="Example",
    title="Apple does it again",
    summary="",
    url="https://example.com/1",
    image=None,
    published_at=after(-86_400),
    received_at=START,
)


def test_a_headline() -> None:
    """Its time is in words, unknown values are null."""
    assert [
        {
            "title": "Apple does it again",
            "link": "https://example.com/1",
            "source": "Example",
            "img": None,
            "time": "1 day ago",
        }
    ] == sent(headlines([ITEM], START))


def test_an_item_without_time_and_publisher() -> None:
    """The time is null, because the time of receipt may be much later; the source is the host."""
    item = msgspec.structs.replace(ITEM, published_at=None, publisher=None)
    [headline] = headlines([item], START)

    assert (None, "example.com") == (headline.time, headline.source)


def test_simulated_news_are_marked() -> None:
    """Their source is `simulated`, whatever publisher they name."""
    item = msgspec.structs.replace(ITEM, source=SIMULATED_NEWS)

    assert "simulated" == headlines([item], START)[0].source


def test_a_time_in_the_future() -> None:
    """A publisher's clock may be ahead: then the time of receipt counts."""
    item = msgspec.structs.replace(ITEM, published_at=after(3600))

    assert "2 minutes ago" == headlines([item], after(120))[0].time


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (172_800, "2 days ago"),
        (7 * 86_400, "1 week ago"),
        (45 * 86_400, "1 month ago"),
        (800 * 86_400, "2 years ago"),
    ],
)
def test_how_long_ago(seconds: int, words: str) -> None:
    """In the largest unit that fits."""
    assert words == ago(timedelta(seconds=seconds))
