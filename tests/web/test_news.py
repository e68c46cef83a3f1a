"""News over HTTP: the credentials, the query, and the answers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm import create_app
from omcrm.extensions import db
from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.news.source_list import news_sources
from omcrm.services import services_of
from omcrm.storage.user import Role
from omcrm.web.market_access import feed_engine, market_view
from omcrm.web.news import news_status
from tests.processes import Exchange, wait_for

LogIn = Callable[[Role], FlaskClient]
FIELDS = {
    "id", "seq", "title", "summary", "url", "image", "source", "publisher", "published_at",
    "received_at", "symbols", "simulated",
}  # fmt: skip


@pytest.fixture
def with_news(app: Flask, exchange: Exchange) -> Iterator[Flask]:
    """An app with the news of the simulator."""
    with app.app_context():
        news = NewsCollector(news_sources((), exchange.url), 60.0, lambda: datetime.now(UTC))
        news.follow(market_view().instruments.values())
        market_view().news = news
        news.start()
        wait_for(news.latest, 5, "news")
    yield app
    news.stop()


def test_strangers_are_refused(client: FlaskClient) -> None:
    """With the same answer as on every JSON route."""
    answer = client.get("/api/v1/news")

    assert (401, False) == (answer.status_code, answer.json["success"])


def test_without_sources_there_are_none(browser: LogIn) -> None:
    """The answer is empty."""
    answer = browser(Role.CLIENT).get("/api/v1/news")

    assert {"success": True, "sources": 0, "news": []} == answer.json


def test_news(with_news: Flask, browser: LogIn) -> None:
    """The newest first, each with all its fields."""
    client = browser(Role.CLIENT)
    body = client.get("/api/v1/news?limit=200").json
    news = body["news"]

    assert (1, 24) == (body["sources"], len(news))
    assert all(FIELDS == item.keys() for item in news)
    assert all(item["simulated"] and item["title"].startswith("Simulated: ") for item in news)
    assert sorted((item["published_at"] for item in news), reverse=True) == [
        item["published_at"] for item in news
    ]
    assert news[0]["published_at"].endswith("Z")
    assert news[:2] == client.get("/api/v1/news?limit=2").json["news"]
    symbol = news[0]["symbols"][0]
    assert [item for item in news if symbol in item["symbols"]] == client.get(
        f"/api/v1/news?symbol={symbol}"
    ).json["news"]


def test_unknown_symbol(browser: LogIn) -> None:
    """A symbol that does not exist is a 404 with its code."""
    answer = browser(Role.CLIENT).get("/api/v1/news?symbol=" + "NOPE" * 100)

    assert (404, "UNKNOWN_SYMBOL") == (answer.status_code, answer.json["error"]["code"])
    assert len(answer.json["error"]["message"]) < 50


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", "9" * 5000, "", "²", "٣"])
def test_a_wrong_limit_is_named(browser: LogIn, limit: str) -> None:
    """The message has the expected range."""
    error = browser(Role.CLIENT).get("/api/v1/news", query_string={"limit": limit}).json["error"]

    assert ("INVALID_PAYLOAD", "limit") == (error["code"], error["field"])
    assert "from 1 to 200" in error["message"]


def test_administrators_see_the_sources(with_news: Flask, browser: LogIn) -> None:
    """In the status of everything; others do not."""
    status = browser(Role.ADMIN).get("/webtrader/realtime_status").json
    (source,) = status["news"]

    assert ("simulated", None, 24, 0) == tuple(
        source[name] for name in ("source", "last_error", "items", "failures")
    )
    assert source["url"].endswith("/news/rss")
    assert source["last_success"].endswith("Z")
    assert "news" not in browser(Role.CLIENT).get("/webtrader/realtime_status").json


def test_a_demonstration_reads_the_exchange(app: Flask, exchange: Exchange) -> None:
    """Without any setting, from the start of the feeds to their end."""
    settings = replace(services_of(app).settings, demo=True, exchange_url=exchange.url)
    demo = create_app(settings)
    with demo.app_context():
        news = market_view().news
        feed_engine().start()
        wait_for(news.latest, 5, "news")
        (source,) = news_status(news)
        feed_engine().stop()
        db.engine.dispose()

    assert "simulated" == source.source
    assert all(item.symbols for item in news.latest())
    assert None is news_status(news)[0].next_in_seconds
