from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from omcrm.exchange.simulation import Simulation
from omcrm.exchange.venues.frankfurter import last_day
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.provider import Event, FrameContext, RequestRejected
from omcrm.feeds.providers.frankfurter import Frankfurter
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.tick import Tick

VENUE = "frankfurter"
V1 = "/frankfurter/v1/latest?base=USD"
V2 = "/frankfurter/v2/rates?base=USD"


def ask(market: Any, *names: str) -> list[Event]:
    """What the provider understands of the venue's answer."""
    provider = Frankfurter(f"http://127.0.0.1:{market.port}/frankfurter")
    (call,) = provider.calls(names)
    fetcher = Fetcher()
    try:
        reply = fetcher.get(call)
    finally:
        fetcher.close()
    arrival = FrameContext(datetime.now(UTC), 1, {name: name for name in names})
    return list(provider.parse(call, reply, arrival))


@pytest.fixture
def currencies(serve: Callable[..., Any]) -> Any:
    """An exchange with all that the catalogue has."""
    return serve(lambda outlet: Simulation(7, outlet, CATALOGUE))


# Prices


def test_the_first_version_has_a_table(currencies: Any) -> None:
    """Only what was asked for is in it, and never the base."""
    told = currencies.get(f"{V1}&symbols=GBP,EUR,XXX,USD")

    assert ["amount", "base", "date", "rates"] == list(told)
    assert (1.0, "USD") == (told["amount"], told["base"])
    assert ["EUR", "GBP"] == list(told["rates"])


def test_the_second_version_has_a_list(currencies: Any) -> None:
    """The same rates, one object for each."""
    table = currencies.get(f"{V1}&symbols=JPY,CHF")
    rows = currencies.get(f"{V2}&quotes=JPY,CHF")

    assert [["date", "base", "quote", "rate"]] * 2 == [list(row) for row in rows]
    assert {"USD"} == {row["base"] for row in rows}
    assert {table["date"]} == {row["date"] for row in rows}
    assert ["CHF", "JPY"] == [row["quote"] for row in rows]
    for row in rows:
        assert row["rate"] == pytest.approx(table["rates"][row["quote"]], rel=0.02)


def test_without_a_choice_there_is_everything_in_euros(currencies: Any) -> None:
    """Euros are what the bank itself counts in."""
    told = currencies.get("/frankfurter/v1/latest")

    assert "EUR" == told["base"]
    assert ["AUD", "CAD", "CHF", "GBP", "JPY", "NZD", "USD"] == list(told["rates"])
    assert told["rates"]["GBP"] == pytest.approx(0.8564, rel=0.05)


@pytest.mark.parametrize("trick", [None, "list"])
def test_the_provider_understands_either_shape(currencies: Any, trick: str | None) -> None:
    """Every pair of the catalogue has a price near that of the market, from a day that is over."""
    if trick:
        currencies.fault("trick", venue=VENUE, name=trick)
    known = [instrument for instrument in CATALOGUE if VENUE in instrument.provider_symbols]
    events = ask(currencies, *(instrument.provider_symbols[VENUE] for instrument in known))
    told = {event.symbol: event for event in events if isinstance(event, Tick)}

    assert [instrument.symbol for instrument in known] == list(told)
    for instrument in known:
        tick = told[instrument.symbol]

        assert abs(tick.trade.price / instrument.last_resort_price - 1) < Decimal("0.1"), instrument
        assert tick.trade.time < tick.received_at


def test_a_list_may_come_where_a_table_was_asked_for(market: Any) -> None:
    """The first version answers in the second's shape."""
    market.fault("trick", venue=VENUE, name="list")
    (row,) = market.get(V1)

    assert ("USD", "EUR") == (row["base"], row["quote"])


def test_a_currency_may_be_missing(currencies: Any) -> None:
    """It is left out, and so are its pairs."""
    currencies.fault("trick", venue=VENUE, name="missing")

    assert ["GBPUSD"] == [tick.symbol for tick in ask(currencies, "EURUSD", "GBPUSD", "EURGBP")]


# Days


def test_on_a_weekend_the_rates_are_of_friday(market: Any) -> None:
    """The date says so, and the price is as old."""
    market.fault("trick", venue=VENUE, name="weekend")
    friday = date.fromisoformat(market.get(V1)["date"])
    (tick,) = ask(market, "EURUSD")

    assert 4 == friday.weekday()
    assert timedelta(0) < datetime.now(UTC).date() - friday <= timedelta(days=8)
    assert friday == tick.trade.time.date()
    assert tick.trade.time.hour in (14, 15)


@pytest.mark.parametrize(
    ("now", "weekend", "day"),
    [
        # A Monday before and after 16:00 in Frankfurt, in winter and in summer.
        ("2026-01-05T14:59:59+00:00", False, "2026-01-02"),
        ("2026-01-05T15:00:00+00:00", False, "2026-01-05"),
        ("2026-07-06T14:00:00+00:00", False, "2026-07-06"),
        ("2026-01-11T20:00:00+00:00", False, "2026-01-09"),
        ("2026-01-07T20:00:00+00:00", True, "2026-01-02"),
        ("2026-01-09T20:00:00+00:00", True, "2026-01-02"),
        ("2026-01-10T20:00:00+00:00", True, "2026-01-09"),
    ],
)
def test_the_date_is_that_of_a_working_day(now: str, weekend: bool, day: str) -> None:
    """Nothing is published on weekends, or before its hour."""
    assert date.fromisoformat(day) == last_day(datetime.fromisoformat(now), weekend=weekend)


# Refusals


@pytest.mark.parametrize(
    "path",
    [
        "/frankfurter/v1/latest?base=XXX",
        "/frankfurter/v1/latest?base=USD&symbols=XXX",
        "/frankfurter/v2/rates?base=USD&quotes=XXX",
        "/frankfurter/v3/latest",
        "/frankfurter/",
    ],
)
def test_what_is_not_there_is_not_found(market: Any, path: str) -> None:
    """Currencies and paths alike."""
    status, body, _ = market.request(path)

    assert (404, {"message": "not found"}) == (status, body)


def test_the_provider_understands_that_nothing_was_found(market: Any) -> None:
    """The question was wrong, the upstream is well."""
    assert [RequestRejected(404, "not found")] == ask(market, "USDXXX")
