from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.exchange.venues.alpha_vantage import last_day
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Event, FrameContext, RequestRejected
from omcrm.feeds.providers.alpha_vantage import KEY, AlphaVantage
from omcrm.market.tick import Tick

SECRET = "ABCD1234EFGH5678"
PATH = f"/alpha_vantage/query?function=GLOBAL_QUOTE&apikey={SECRET}&symbol="
VENUE = "alpha_vantage"


def ask(market: Any, symbol: str = "AAPL", key: str = SECRET) -> list[Event]:
    """What the provider understands of the venue's answer."""
    provider = AlphaVantage(f"http://127.0.0.1:{market.port}/alpha_vantage", Keys({KEY: key}.get))
    (call,) = provider.calls([symbol])
    fetcher = Fetcher()
    try:
        reply = fetcher.get(call)
    finally:
        fetcher.close()
    return list(provider.parse(call, reply, FrameContext(datetime.now(UTC), 1, {symbol: symbol})))


# Prices


def test_a_share_is_told_in_texts(market: Any) -> None:
    """Every field is there, with its number, and is a text."""
    quote = market.get(f"{PATH}AAPL")["Global Quote"]

    assert [
        "01. symbol",
        "02. open",
        "03. high",
        "04. low",
        "05. price",
        "06. volume",
        "07. latest trading day",
        "08. previous close",
        "09. change",
        "10. change percent",
    ] == list(quote)
    assert all(isinstance(value, str) for value in quote.values())
    assert quote["10. change percent"].endswith("%")
    assert Decimal(quote["04. low"]) <= Decimal(quote["05. price"]) <= Decimal(quote["03. high"])
    assert Decimal(quote["09. change"]) == Decimal(quote["05. price"]) - Decimal(
        quote["08. previous close"]
    )


def test_the_provider_understands_it(market: Any) -> None:
    """A price, its day, and a close that is over."""
    (tick,) = ask(market)

    assert isinstance(tick, Tick)
    assert "AAPL" == tick.symbol
    assert tick.day.low <= tick.trade.price <= tick.day.high
    assert tick.trade.time < tick.received_at


@pytest.mark.parametrize("symbol", ["NOPE", "EURUSD", "BTC", ""])
def test_what_is_no_share_is_empty(market: Any, symbol: str) -> None:
    """It is no error to ask for it."""
    assert {"Global Quote": {}} == market.get(PATH + symbol)
    assert [] == ask(market, symbol)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        # A Monday before and after 16:00 in New York.
        ("2026-01-05T20:59:59+00:00", "2026-01-02"),
        ("2026-01-05T21:00:00+00:00", "2026-01-05"),
        ("2026-01-10T12:00:00+00:00", "2026-01-09"),
        # The day after a holiday, in the morning.
        ("2026-01-02T12:00:00+00:00", "2025-12-31"),
    ],
)
def test_the_trading_day_is_one_that_is_over(now: str, day: str) -> None:
    """Weekends, holidays and the running day are none."""
    assert date.fromisoformat(day) == last_day(datetime.fromisoformat(now))


# Refusals


def test_every_refusal_comes_with_200(market: Any) -> None:
    """The words are all that tells."""
    for trick, field in {
        "note": "Note",
        "information_limit": "Information",
        "information_burst": "Information",
        "information_premium": "Information",
        "error_message": "Error Message",
    }.items():
        market.fault("trick", venue=VENUE, name=trick)

        assert [field] == list(market.get(f"{PATH}AAPL")), trick

        market.clear()


@pytest.mark.parametrize(
    ("trick", "status"),
    [
        ("note", 429),
        ("information_limit", 429),
        ("information_burst", 429),
        ("information_premium", 403),
    ],
)
def test_the_provider_understands_refusals(market: Any, trick: str, status: int) -> None:
    """A limit is told from what the plan does not hold."""
    market.fault("trick", venue=VENUE, name=trick)
    (event,) = ask(market)

    assert isinstance(event, AccessDenied)
    assert status == event.status


def test_only_the_limit_of_a_day_lasts_until_the_next(market: Any) -> None:
    """Who was too fast may ask again soon."""
    waits = {}
    for trick in ("note", "information_limit", "information_burst"):
        market.clear()
        market.fault("trick", venue=VENUE, name=trick)
        (event,) = ask(market)
        waits[trick] = event.retry_after

    assert waits.pop("information_burst") is None
    assert all(0 < wait <= 86_400 for wait in waits.values())


def test_the_key_is_echoed_and_not_repeated(market: Any) -> None:
    """The venue tells it, the provider does not."""
    market.fault("trick", venue=VENUE, name="information_limit")
    (event,) = ask(market)

    assert SECRET in market.get(f"{PATH}AAPL")["Information"]
    assert SECRET not in event.message
    assert "***" in event.message


def test_a_wrong_call_is_refused(market: Any) -> None:
    """The share may be wrong, the key is not."""
    market.fault("trick", venue=VENUE, name="error_message")
    (event,) = ask(market)

    assert isinstance(event, RequestRejected)
    assert event.message.startswith("Invalid API call.")


def test_an_empty_quote_is_nothing(market: Any) -> None:
    """A known share may be met with nothing."""
    market.fault("trick", venue=VENUE, name="empty")

    assert [] == ask(market)


@pytest.mark.parametrize("key", ["demo", ""])
def test_without_a_key_of_ones_own_there_is_nothing(market: Any, key: str) -> None:
    """The demonstration's key is for demonstrations."""
    (event,) = ask(market, key=key)

    assert isinstance(event, AccessDenied)
    assert 401 == event.status


@pytest.mark.parametrize("query", ["function=NOPE&symbol=AAPL", "function=GLOBAL_QUOTE", "x=1"])
def test_another_function_is_a_wrong_call(market: Any, query: str) -> None:
    """Only one function is spoken."""
    assert ["Error Message"] == list(market.get(f"/alpha_vantage/query?{query}&apikey=k"))


def test_another_path_is_not_there(market: Any) -> None:
    """The only path is /query."""
    assert 404 == market.request("/alpha_vantage/quote")[0]
