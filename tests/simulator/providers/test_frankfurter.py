from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.provider import Event, FrameContext, RequestRejected
from omcrm.feeds.providers.frankfurter.poll import Frankfurter
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.tick import Tick
from simulator.providers.frankfurter import last_day
from simulator.simulation import Simulation

VENUE = "frankfurter"
V1 = "/frankfurter/v1/latest?base=USD"
V2 = "/frankfurter/v2/rates?base=USD"


def ask(running: Any, *names: str) -> list[Event]:
    """The events that the product's client reads from the answer."""
    provider = Frankfurter(f"http://127.0.0.1:{running.port}/frankfurter")
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
    """A simulator with the whole catalogue."""
    return serve(lambda publisher: Simulation(7, publisher, CATALOGUE))


# Prices


def test_the_first_version_has_a_table(currencies: Any) -> None:
    """Only the requested currencies, and never the base."""
    fields = currencies.get(f"{V1}&symbols=GBP,EUR,XXX,USD")

    assert ["amount", "base", "date", "rates"] == list(fields)
    assert (1.0, "USD") == (fields["amount"], fields["base"])
    assert ["EUR", "GBP"] == list(fields["rates"])


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
    """Euros are the bank's own base."""
    fields = currencies.get("/frankfurter/v1/latest")

    assert "EUR" == fields["base"]
    assert ["AUD", "CAD", "CHF", "GBP", "JPY", "NZD", "USD"] == list(fields["rates"])
    assert fields["rates"]["GBP"] == pytest.approx(0.8564, rel=0.05)


@pytest.mark.parametrize("trick", [None, "list"])
def test_the_client_reads_either_form(currencies: Any, trick: str | None) -> None:
    """Every pair of the catalogue has a price near the market's, of a completed day."""
    if trick:
        currencies.fault("trick", venue=VENUE, name=trick)
    known = [instrument for instrument in CATALOGUE if VENUE in instrument.provider_symbols]
    events = ask(currencies, *(instrument.provider_symbols[VENUE] for instrument in known))
    fields = {event.symbol: event for event in events if isinstance(event, Tick)}

    assert [instrument.symbol for instrument in known] == list(fields)
    for instrument in known:
        tick = fields[instrument.symbol]

        assert abs(tick.trade.price / instrument.last_resort_price - 1) < Decimal("0.1"), instrument
        assert tick.trade.time < tick.received_at


def test_the_first_version_may_answer_with_a_list(running: Any) -> None:
    """In the second version's form."""
    running.fault("trick", venue=VENUE, name="list")
    (row,) = running.get(V1)

    assert ("USD", "EUR") == (row["base"], row["quote"])


def test_a_currency_may_be_missing(currencies: Any) -> None:
    """It is left out, and so are its pairs."""
    currencies.fault("trick", venue=VENUE, name="missing")

    assert ["GBPUSD"] == [tick.symbol for tick in ask(currencies, "EURUSD", "GBPUSD", "EURGBP")]


# Days


def test_on_a_weekend_the_rates_are_of_friday(running: Any) -> None:
    """By the date, and the price has that age."""
    running.fault("trick", venue=VENUE, name="weekend")
    friday = date.fromisoformat(running.get(V1)["date"])
    (tick,) = ask(running, "EURUSD")

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
    """Nothing is published on weekends, or before the hour of publication."""
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
def test_unknown_currencies_and_paths_are_404(running: Any, path: str) -> None:
    """With Frankfurter's message."""
    status, body, _ = running.request(path)

    assert (404, {"message": "not found"}) == (status, body)


def test_the_client_reads_a_404(running: Any) -> None:
    """As a rejected request, not as a broken source."""
    assert [RequestRejected(404, "not found")] == ask(running, "USDXXX")
