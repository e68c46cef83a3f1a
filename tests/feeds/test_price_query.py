import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.http_query import HttpQuery
from omcrm.feeds.keys import Keys
from omcrm.feeds.price_query import PriceQuery, PriceResult
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.registry import polls
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.consolidator import Consolidator
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.validation import Validator
from tests.feeds.upstream import Upstream, answering, http

BY_SYMBOL = {instrument.symbol: instrument for instrument in CATALOGUE}
KEY = "a-very-secret-key"


def now() -> datetime:
    return datetime.now(UTC)


def serving(*answers: tuple[str, Any]) -> Callable[[socket.socket, bytes], bool]:
    """Answers by a part of the path; an integer body is a status."""

    def serve(client: socket.socket, request: bytes) -> bool:
        for path_part, body in answers:
            if path_part in request.decode():
                status = f"{body} Refused" if isinstance(body, int) else "200 OK"
                client.sendall(http(json.dumps(body).encode(), status))
                return True
        client.sendall(http(b"{}", "404 Not Found"))
        return True

    return serve


class Asked:
    """A round of queries to one upstream for all providers."""

    def __init__(
        self, upstream: Upstream, folder: Path, key: str = "", seconds: float = 10
    ) -> None:
        names = ("coingecko", "finnhub_quote", "alpha_vantage", "exchangerate_api", "frankfurter")
        urls = {name: f"{upstream.url}/{name}" for name in names}
        urls["exchangerate_open"] = f"{upstream.url}/open"
        settings = FeedSettings(urls=urls, keys=Keys(lambda name: key))
        consolidator = Consolidator(now, Validator())
        consolidator.follow(CATALOGUE)
        self.published: list[Quote] = []
        self.query = HttpQuery(CallCounts(folder), settings.keys, now, seconds)
        self._query = PriceQuery(self.query, polls(settings), consolidator, self.published.append)

    def answers(self, *symbols: str, batch: int = 50) -> dict[str, PriceResult]:
        try:
            wanted = [BY_SYMBOL[symbol] for symbol in symbols]
            return {answer.symbol: answer for answer in self._query.answers(wanted, batch)}
        finally:
            self.query.close()


def coins(**prices: float | None) -> dict[str, Any]:
    at = int(now().timestamp()) - 5
    return {name: {"usd": price, "last_updated_at": at} for name, price in prices.items()}


def test_a_price_comes_with_its_source_and_class(tmp_path: Path) -> None:
    """It is validated and published."""
    with Upstream(serving(("/coingecko/", coins(bitcoin=61000.5)))) as upstream:
        asked = Asked(upstream, tmp_path)
        answer = asked.answers("BTC")["BTC"]

    assert answer.quote is not None
    assert (Decimal("61000.5"), "coingecko", PriceClass.INDICATIVE, ()) == (
        answer.quote.last,
        answer.quote.source.name,
        answer.quote.price_class,
        answer.problems,
    )
    assert ["BTC"] == [quote.symbol for quote in asked.published]
    assert answer.quote.last == asked.published[0].last


def test_a_recorded_answer_is_replayed(tmp_path: Path) -> None:
    """The upstream says so with the answer, and is on this machine's loopback."""
    recorded = {"bitcoin": {"usd": 61000.5, "last_updated_at": 1_723_161_254}}
    body = json.dumps(recorded).encode()
    serve = answering(http(body, "200 OK", "X-Recorded-At: 2024-08-08T23:54:13Z"))
    with Upstream(serve) as upstream:
        quote = Asked(upstream, tmp_path).answers("BTC")["BTC"].quote

    assert quote is not None
    assert PriceClass.REPLAYED is quote.price_class
    assert datetime(2024, 8, 8, 23, 54, 13, tzinfo=UTC) == quote.recorded_at


def test_the_next_source_is_asked_for_what_is_missing(tmp_path: Path) -> None:
    """Only the missing symbol is requested from it."""
    rates = {
        "result": "success",
        "time_last_update_unix": 1770000001,
        "rates": {"USD": 1, "EUR": 0.9},
    }
    table = {"amount": 1, "base": "USD", "date": "2026-01-05", "rates": {"GBP": 0.75}}
    with Upstream(serving(("/open/", rates), ("/frankfurter/", table))) as upstream:
        results = Asked(upstream, tmp_path).answers("EURUSD", "GBPUSD")
        (_, second) = upstream.requests

    assert b"symbols=GBP " in second
    assert {"EURUSD": "exchangerate_api", "GBPUSD": "frankfurter"} == {
        symbol: item.quote.source.name for symbol, item in results.items() if item.quote
    }


def test_a_failure_names_every_source(tmp_path: Path) -> None:
    """Missing keys and refusals are named, never with a key."""
    words = {"Information": f"We have detected your API key as {KEY}: 25 requests per day."}
    with Upstream(serving(("/finnhub_quote/", 401), ("/alpha_vantage/", words))) as upstream:
        with_key = Asked(upstream, tmp_path, KEY).answers("AAPL", "MSFT")
        # One refusal is enough: every call counts.
        assert 2 == len(upstream.requests)
    with Upstream(serving()) as upstream:
        without = Asked(upstream, tmp_path).answers("AAPL")["AAPL"]
        assert [] == upstream.requests

    assert ("finnhub_quote: FINNHUB_API_KEY is not set",
            "alpha_vantage: ALPHA_VANTAGE_API_KEY is not set") == without.problems  # fmt: skip
    for answer in with_key.values():
        assert answer.quote is None
        assert "refused with 401" in answer.problems[0]
        assert "refused with 429" in answer.problems[1]
        assert KEY not in "".join(answer.problems)


@pytest.mark.parametrize("price", [0, -5, None])
def test_an_impossible_price_is_rejected(tmp_path: Path, price: float | None) -> None:
    """The validator validates fetched prices like any tick; null is no price either."""
    with Upstream(serving(("/coingecko/", coins(bitcoin=price)))) as upstream:
        asked = Asked(upstream, tmp_path)
        answer = asked.answers("BTC")["BTC"]

    assert answer.quote is None
    assert answer.problems
    assert [] == asked.published


def test_batches_are_no_larger_than_requested(tmp_path: Path) -> None:
    """Each symbol is requested once."""
    with Upstream(serving(("/coingecko/", coins(bitcoin=1, ethereum=2, solana=3)))) as upstream:
        results = Asked(upstream, tmp_path).answers("BTC", "ETH", "SOL", batch=2)

        # The first answer had the third symbol as well.
        assert 1 == len(upstream.requests)
    assert ["BTC", "ETH", "SOL"] == [symbol for symbol, item in results.items() if item.quote]


def test_without_time_every_symbol_fails(tmp_path: Path) -> None:
    """Each symbol still gets a result."""
    with Upstream(serving()) as upstream:
        results = Asked(upstream, tmp_path, seconds=0).answers("BTC", "EURUSD")

        assert [] == upstream.requests
    assert {"BTC", "EURUSD"} == results.keys()
    assert all("no time left" in answer.problems[0] for answer in results.values())
