from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Event, FrameContext, RequestRejected
from omcrm.feeds.providers import alpha_vantage
from omcrm.feeds.providers.alpha_vantage.poll import AlphaVantage
from omcrm.market.tick import Tick
from simulator.providers.alpha_vantage import last_day

SECRET = "ABCD1234EFGH5678"
PATH = f"/alpha_vantage/query?function=GLOBAL_QUOTE&apikey={SECRET}&symbol="
VENUE = "alpha_vantage"


def ask(running: Any, symbol: str = "AAPL", key: str = SECRET) -> list[Event]:
    """The events that the product's client reads from the answer."""
    provider = AlphaVantage(
        f"http://127.0.0.1:{running.port}/alpha_vantage", Keys({alpha_vantage.KEY.env: key}.get)
    )
    (call,) = provider.calls([symbol])
    fetcher = Fetcher()
    try:
        reply = fetcher.get(call)
    finally:
        fetcher.close()
    return list(provider.parse(call, reply, FrameContext(datetime.now(UTC), 1, {symbol: symbol})))


# Prices


def test_a_quote_consists_of_strings(running: Any) -> None:
    """Every field is there, with its number."""
    quote = running.get(f"{PATH}AAPL")["Global Quote"]

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


def test_the_client_reads_a_quote(running: Any) -> None:
    """A price, its day, and a closed market."""
    (tick,) = ask(running)

    assert isinstance(tick, Tick)
    assert "AAPL" == tick.symbol
    assert tick.day.low <= tick.trade.price <= tick.day.high
    assert tick.trade.time < tick.received_at


@pytest.mark.parametrize("symbol", ["NOPE", "EURUSD", "BTC", ""])
def test_an_unknown_share_is_empty(running: Any, symbol: str) -> None:
    """It is no error."""
    assert {"Global Quote": {}} == running.get(PATH + symbol)
    assert [] == ask(running, symbol)


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
def test_the_trading_day_is_completed(now: str, day: str) -> None:
    """Weekends, holidays and the current day are skipped."""
    assert date.fromisoformat(day) == last_day(datetime.fromisoformat(now))


# Refusals


def test_every_refusal_comes_with_200(running: Any) -> None:
    """Only the text distinguishes it."""
    for trick, field in {
        "note": "Note",
        "information_limit": "Information",
        "information_burst": "Information",
        "information_premium": "Information",
        "error_message": "Error Message",
    }.items():
        running.fault("trick", venue=VENUE, name=trick)

        assert [field] == list(running.get(f"{PATH}AAPL")), trick

        running.clear()


@pytest.mark.parametrize(
    ("trick", "status"),
    [
        ("note", 429),
        ("information_limit", 429),
        ("information_burst", 429),
        ("information_premium", 403),
    ],
)
def test_the_client_reads_refusals(running: Any, trick: str, status: int) -> None:
    """A limit and a premium endpoint are different errors."""
    running.fault("trick", venue=VENUE, name=trick)
    (event,) = ask(running)

    assert isinstance(event, AccessDenied)
    assert status == event.status


def test_only_the_limit_of_a_day_lasts_until_the_next(running: Any) -> None:
    """A burst limit allows another call soon."""
    waits = {}
    for trick in ("note", "information_limit", "information_burst"):
        running.clear()
        running.fault("trick", venue=VENUE, name=trick)
        (event,) = ask(running)
        waits[trick] = event.retry_after

    assert waits.pop("information_burst") is None
    assert all(0 < wait <= 86_400 for wait in waits.values())


def test_the_key_is_echoed_and_not_repeated(running: Any) -> None:
    """The provider sends it back, the product's client does not log it."""
    running.fault("trick", venue=VENUE, name="information_limit")
    (event,) = ask(running)

    assert SECRET in running.get(f"{PATH}AAPL")["Information"]
    assert SECRET not in event.message
    assert "***" in event.message


def test_a_wrong_call_is_refused(running: Any) -> None:
    """The refusal is about the share, not the key."""
    running.fault("trick", venue=VENUE, name="error_message")
    (event,) = ask(running)

    assert isinstance(event, RequestRejected)
    assert event.message.startswith("Invalid API call.")


def test_an_empty_quote_is_nothing(running: Any) -> None:
    """A known share may have an empty answer."""
    running.fault("trick", venue=VENUE, name="empty")

    assert [] == ask(running)


@pytest.mark.parametrize("key", ["demo", ""])
def test_the_demo_key_is_refused(running: Any, key: str) -> None:
    """As is a missing key."""
    (event,) = ask(running, key=key)

    assert isinstance(event, AccessDenied)
    assert 401 == event.status


@pytest.mark.parametrize("query", ["function=NOPE&symbol=AAPL", "function=GLOBAL_QUOTE", "x=1"])
def test_another_function_is_a_wrong_call(running: Any, query: str) -> None:
    """Only two functions exist."""
    assert ["Error Message"] == list(running.get(f"/alpha_vantage/query?{query}&apikey=k"))


def test_another_path_is_unknown(running: Any) -> None:
    """The only path is /query."""
    assert 404 == running.request("/alpha_vantage/quote")[0]
