from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Event, FrameContext, RequestRejected
from omcrm.feeds.providers import exchangerate_api
from omcrm.feeds.providers.exchangerate_api.poll import ExchangeRateApi
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.tick import Tick
from simulator.simulation import Simulation

SECRET = "an-example-key"
VENUE = "exchangerate_api"
OPEN = f"/{VENUE}/open/v6/latest/USD"
KEYED = f"/{VENUE}/v6/latest/USD"
BEARER = {"Authorization": f"Bearer {SECRET}"}


def ask(running: Any, key: str = "", names: tuple[str, ...] = ("EURUSD",)) -> list[Event]:
    """The events that the product's client reads from the answer."""
    base = f"http://127.0.0.1:{running.port}/{VENUE}"
    provider = ExchangeRateApi(base, f"{base}/open", Keys({exchangerate_api.KEY.env: key}.get))
    (call,) = provider.calls(names)
    fetcher = Fetcher()
    try:
        reply = fetcher.get(call)
    finally:
        fetcher.close()
    arrival = FrameContext(datetime.now(UTC), 1, {name: name for name in names})
    return list(provider.parse(call, reply, arrival))


def midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=1, microsecond=0)


# Prices


def test_the_tables_have_different_names(running: Any) -> None:
    """The open one names its provider and its end."""
    _, keyed, _ = running.request(KEYED, **BEARER)
    opened = running.get(OPEN)

    assert {"USD", "EUR"} == set(keyed["conversion_rates"]) == set(opened["rates"])
    assert {"provider", "time_eol_unix", "rates"} == opened.keys() - keyed.keys()
    assert {"conversion_rates"} == keyed.keys() - opened.keys()
    assert ("success", "USD", 0) == (opened["result"], opened["base_code"], opened["time_eol_unix"])


def test_a_key_may_be_in_the_path(running: Any) -> None:
    """As the documentation shows it first."""
    path = f"/{VENUE}/v6/{SECRET}/latest/EUR"

    assert 1 == running.get(path)["conversion_rates"]["EUR"]
    assert "EUR" == running.get(path)["base_code"]


@pytest.mark.parametrize("key", [SECRET, ""])
def test_the_client_reads_both(running: Any, key: str) -> None:
    """A price of today's midnight, near the market's."""
    before = midnight()
    (tick,) = ask(running, key)
    price = Decimal(running.server.source.listings["EURUSD"].last.price) / 10**8

    assert isinstance(tick, Tick)
    assert tick.trade.time in (before, midnight())
    assert abs(tick.trade.price / price - 1) < Decimal("0.01")


def test_every_pair_of_the_catalogue_has_a_price(serve: Callable[..., Any]) -> None:
    """Inverses and crosses are near the market's price."""
    running = serve(lambda publisher: Simulation(7, publisher, CATALOGUE))
    names = tuple(
        instrument.provider_symbols[VENUE]
        for instrument in CATALOGUE
        if VENUE in instrument.provider_symbols
    )
    fields = {tick.symbol: tick.trade.price for tick in ask(running, names=names)}

    assert set(names) == fields.keys()
    for instrument in CATALOGUE:
        if instrument.symbol in fields:
            assert abs(fields[instrument.symbol] / instrument.last_resort_price - 1) < Decimal(
                "0.1"
            ), instrument


# Refusals


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer bad"}, {"Authorization": "x"}])
def test_a_bad_key_is_refused(running: Any, headers: dict[str, str]) -> None:
    """With an error result and another status."""
    status, body, _ = running.request(KEYED, **headers)

    assert (403, "error", "invalid-key") == (status, body["result"], body["error-type"])


def test_the_client_reads_a_wrong_key(running: Any) -> None:
    """The key is wrong, not the plan."""
    assert [AccessDenied(401, "invalid-key")] == ask(running, "bad-key")


@pytest.mark.parametrize(
    ("trick", "event"),
    [
        ("quota", AccessDenied(429, "quota-reached")),
        ("inactive", AccessDenied(403, "inactive-account")),
    ],
)
def test_a_key_may_be_used_up_or_inactive(running: Any, trick: str, event: AccessDenied) -> None:
    """The open endpoint answers all the same."""
    running.fault("trick", venue=VENUE, name=trick)

    assert [event] == ask(running, SECRET)
    assert [Tick] == [type(tick) for tick in ask(running)]


def test_the_end_is_announced_beside_the_prices(running: Any) -> None:
    """`amount` is in days."""
    running.fault("trick", venue=VENUE, name="eol", amount=30)
    before = midnight()
    tick, refused = ask(running)
    fields = datetime.fromtimestamp(running.get(OPEN)["time_eol_unix"], UTC)

    assert isinstance(tick, Tick)
    assert isinstance(refused, RequestRejected)
    assert 410 == refused.code
    assert (fields - before).days in (30, 31)
    assert f"{fields:%Y-%m-%d}" in refused.message


def test_one_call_an_hour_is_answered(running: Any) -> None:
    """The next one is refused with an HTML page."""
    running.fault("trick", venue=VENUE, name="limited")
    (first,) = ask(running)
    (second,) = ask(running)
    status, _, headers = running.request(OPEN)

    assert isinstance(first, Tick)
    assert isinstance(second, AccessDenied)
    assert (429, 1200.0) == (second.status, second.retry_after)
    assert (429, "text/html") == (status, headers["Content-Type"])

    running.clear()

    assert [Tick] == [type(event) for event in ask(running)]


def test_a_limit_of_addresses_is_none_of_keys(running: Any) -> None:
    """Only the open endpoint counts addresses."""
    running.fault("trick", venue=VENUE, name="limited", amount=0)

    assert [Tick] == [type(event) for event in ask(running, SECRET)]
    assert [AccessDenied] == [type(event) for event in ask(running)]


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        (f"/{VENUE}/open/v6/latest/XXX", "unsupported-code", 404),
        (f"/{VENUE}/v6/{SECRET}/latest/XXX", "unsupported-code", 404),
        (f"/{VENUE}/v6/bad/latest/USD", "invalid-key", 403),
        (f"/{VENUE}/v6/latest", "malformed-request", 400),
        (f"/{VENUE}/", "malformed-request", 400),
    ],
)
def test_a_malformed_call_is_an_error(running: Any, path: str, kind: str, status: int) -> None:
    """Every answer has a result."""
    fields, body, _ = running.request(path)

    assert (status, "error", kind) == (fields, body["result"], body["error-type"])
