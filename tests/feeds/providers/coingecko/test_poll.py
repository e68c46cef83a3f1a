from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Call, Event, FrameContext, Reply, Unreadable
from omcrm.feeds.providers import coingecko
from omcrm.feeds.providers.coingecko.poll import CoinGecko
from omcrm.market.tick import DayFigures, Tick, Trade
from tests.feeds.samples import reply
from tests.processes import Exchange
from tests.values import START

BASE = "https://api.coingecko.com/api/v3"
NAMES = {"bitcoin": "BTC", "avalanche-2": "AVAX", "polygon-ecosystem-token": "POL"}
ARRIVAL = FrameContext(START, 3, NAMES)
UPDATED_AT = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)
CALL = Call(BASE, tuple(NAMES))


def provider(key: str = "") -> CoinGecko:
    return CoinGecko(BASE, Keys(lambda name: key if name == coingecko.KEY.env else ""))


def read(body: Any, status: int = 200) -> list[Event]:
    return list(provider().parse(CALL, reply(body, status), ARRIVAL))


def tick(symbol: str, price: str, change: str | None = None) -> Tick:
    trade = Trade(Decimal(price), time=UPDATED_AT)
    day = None if change is None else DayFigures(change_percent=Decimal(change), time=UPDATED_AT)
    return Tick(symbol, coingecko.POLL.source, START, 3, trade=trade, day=day)


# Calls


def test_asks_for_dollars_and_their_age() -> None:
    """One call requests all ids: price, the day's change and the time, in full precision."""
    (call,) = provider().calls(["bitcoin", "avalanche-2"])
    url = urlsplit(call.url)

    assert BASE == f"{url.scheme}://{url.netloc}{url.path.removesuffix('/simple/price')}"
    assert {
        "ids": ["bitcoin,avalanche-2"],
        "vs_currencies": ["usd"],
        "include_24hr_change": ["true"],
        "include_last_updated_at": ["true"],
        "precision": ["full"],
    } == parse_qs(url.query)
    assert ("bitcoin", "avalanche-2") == call.names


def test_the_key_is_a_header() -> None:
    """It is in no URL, and without a key there is no header."""
    (with_key,) = provider("demo-key").calls(["bitcoin"])
    (without,) = provider().calls(["bitcoin"])

    assert {"x-cg-demo-api-key": "demo-key"} == with_key.headers
    assert "demo-key" not in with_key.url
    assert {} == without.headers


def test_works_without_a_key() -> None:
    """Calls are counted by the key, and no key is required."""
    assert ("demo-key", "") == (provider("demo-key").api_key(), provider().api_key())
    assert provider().missing() is None


def test_many_ids_are_asked_for_in_batches() -> None:
    """No call exceeds the upstream's limit."""
    calls = provider().calls([f"coin{number}" for number in range(600)])

    assert [250, 250, 100] == [len(call.names) for call in calls]


# Answers


def test_reads_prices_of_every_size() -> None:
    """Large, small and whole numbers are read exactly, with an optional change."""
    quote = {
        "bitcoin": {"usd": 91234, "usd_24h_change": -1.23456, "last_updated_at": 1770000000},
        "avalanche-2": {"usd": 1.2e-05, "usd_24h_change": None, "last_updated_at": 1770000000},
        "polygon-ecosystem-token": {"usd": 0.4321098765432109, "last_updated_at": 1770000000},
    }

    assert [
        tick("BTC", "91234", "-1.235"),
        tick("AVAX", "0.000012"),
        tick("POL", "0.4321098765432109"),
    ] == read(quote)


def test_what_is_not_there_is_left_out() -> None:
    """A dead id, a null price and an unfollowed id make no tick."""
    quote = {
        "bitcoin": {"usd": None, "last_updated_at": 1770000000},
        "avalanche-2": {},
        "dogecoin": {"usd": 1, "last_updated_at": 1770000000},
        "polygon-ecosystem-token": {"usd": 1, "last_updated_at": 1770000000},
    }

    assert [tick("POL", "1")] == read(quote)


@pytest.mark.parametrize(
    "quote",
    [
        {"bitcoin": {"usd": 1}},
        {"bitcoin": {"usd": 1, "last_updated_at": None}},
        {"bitcoin": {"usd": 1, "last_updated_at": 1770000000.5}},
        {"bitcoin": {"usd": 1, "last_updated_at": 10**18}},
        {"bitcoin": {"usd": {}, "last_updated_at": 1770000000}},
        {"bitcoin": {"usd": True, "last_updated_at": 1770000000}},
        {"bitcoin": {"usd": "NaN", "last_updated_at": 1770000000}},
        {"bitcoin": {"usd": 1, "usd_24h_change": [], "last_updated_at": 1770000000}},
        {"bitcoin": 5},
        {"bitcoin": None},
        [],
        None,
        b"Throttled",
        b"<html>",
        b"",
        b"\xff",
    ],
)
def test_what_cannot_be_read(quote: Any) -> None:
    """A price without its time, or of a wrong type, is unreadable."""
    (event,) = read(quote)

    assert isinstance(event, Unreadable)


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b"Throttled", 429, AccessDenied(429, "Throttled")),
        (b"  <html>\n Cloudflare", 503, AccessDenied(503, "<html> Cloudflare")),
        ({"status": {"error_message": "slow down"}}, 200, AccessDenied(429, "slow down")),
        ({"status": {}}, 200, AccessDenied(429, "")),
    ],
)
def test_refusals(body: Any, status: int, expected: AccessDenied) -> None:
    """They come as JSON, as plain text, as HTML, and even with the status of a success."""
    assert [expected] == read(body, status)


def test_retry_after_is_passed_on() -> None:
    """`retry_after` is that of the header."""
    answer = Reply(429, {"retry-after": "42"}, b"Throttled")

    assert [AccessDenied(429, "Throttled", 42.0)] == list(provider().parse(CALL, answer, ARRIVAL))


# Against the built-in exchange


def ask(exchange: Exchange) -> list[Event]:
    """The events in the present answer of the exchange's venue."""
    client = CoinGecko(f"http://127.0.0.1:{exchange.port}/coingecko/api/v3", Keys())
    (call,) = client.calls(list(NAMES))
    fetcher = Fetcher()
    events = list(client.parse(call, fetcher.get(call), FrameContext(datetime.now(UTC), 1, NAMES)))
    fetcher.close()
    return events


def test_understands_the_exchange(exchange: Exchange) -> None:
    """Every id has a price, minutes old at most, and the day's change."""
    events = ask(exchange)
    ages = [datetime.now(UTC) - event.trade.time for event in events]

    assert ["AVAX", "BTC", "POL"] == sorted(event.symbol for event in events)
    assert all(timedelta(seconds=-2) < age < timedelta(minutes=2) for age in ages)
    assert all(event.day and event.day.change_percent is not None for event in events)


def test_understands_its_tricks(exchange: Exchange) -> None:
    """Known faults of CoinGecko make no false price."""
    exchange.fault("trick", venue="coingecko", name="missing")
    assert 2 == len(ask(exchange))
    exchange.clear()
    exchange.fault("trick", venue="coingecko", name="old", amount=600)
    ages = [datetime.now(UTC) - event.trade.time for event in ask(exchange)]
    assert all(timedelta(seconds=598) < age < timedelta(seconds=720) for age in ages)
    exchange.fault("trick", venue="coingecko", name="null")
    assert [] == ask(exchange)
    exchange.fault("trick", venue="coingecko", name="throttled")
    assert [AccessDenied(429, "Throttled")] == ask(exchange)
