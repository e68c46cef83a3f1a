from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.exchange.simulation import Simulation
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Event, FrameContext, RequestRejected
from omcrm.feeds.providers.exchangerate_api import KEY, ExchangeRateApi
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.tick import Tick

SECRET = "an-example-key"
VENUE = "exchangerate_api"
OPEN = f"/{VENUE}/open/v6/latest/USD"
KEYED = f"/{VENUE}/v6/latest/USD"
BEARER = {"Authorization": f"Bearer {SECRET}"}


def ask(market: Any, key: str = "", names: tuple[str, ...] = ("EURUSD",)) -> list[Event]:
    """What the provider understands of the venue's answer."""
    base = f"http://127.0.0.1:{market.port}/{VENUE}"
    provider = ExchangeRateApi(base, f"{base}/open", Keys({KEY: key}.get))
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


def test_the_tables_have_different_names(market: Any) -> None:
    """The open one says who provides it and when it ends."""
    _, keyed, _ = market.request(KEYED, **BEARER)
    opened = market.get(OPEN)

    assert {"USD", "EUR"} == set(keyed["conversion_rates"]) == set(opened["rates"])
    assert {"provider", "time_eol_unix", "rates"} == opened.keys() - keyed.keys()
    assert {"conversion_rates"} == keyed.keys() - opened.keys()
    assert ("success", "USD", 0) == (opened["result"], opened["base_code"], opened["time_eol_unix"])


def test_a_key_may_be_in_the_path(market: Any) -> None:
    """As the documentation shows it first."""
    path = f"/{VENUE}/v6/{SECRET}/latest/EUR"

    assert 1 == market.get(path)["conversion_rates"]["EUR"]
    assert "EUR" == market.get(path)["base_code"]


@pytest.mark.parametrize("key", [SECRET, ""])
def test_the_provider_understands_both(market: Any, key: str) -> None:
    """A price of today's midnight, near what the market says."""
    before = midnight()
    (tick,) = ask(market, key)
    price = Decimal(market.exchange.source.listings["EURUSD"].last.price) / 10**8

    assert isinstance(tick, Tick)
    assert tick.trade.time in (before, midnight())
    assert abs(tick.trade.price / price - 1) < Decimal("0.01")


def test_every_pair_of_the_catalogue_has_a_price(serve: Callable[..., Any]) -> None:
    """Inverses and crosses are near what the market itself says of them."""
    market = serve(lambda outlet: Simulation(7, outlet, CATALOGUE))
    names = tuple(
        instrument.provider_symbols[VENUE]
        for instrument in CATALOGUE
        if VENUE in instrument.provider_symbols
    )
    told = {tick.symbol: tick.trade.price for tick in ask(market, names=names)}

    assert set(names) == told.keys()
    for instrument in CATALOGUE:
        if instrument.symbol in told:
            assert abs(told[instrument.symbol] / instrument.last_resort_price - 1) < Decimal(
                "0.1"
            ), instrument


# Refusals


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer bad"}, {"Authorization": "x"}])
def test_who_has_no_good_key_is_refused(market: Any, headers: dict[str, str]) -> None:
    """The result says so, and the status is another."""
    status, body, _ = market.request(KEYED, **headers)

    assert (403, "error", "invalid-key") == (status, body["result"], body["error-type"])


def test_the_provider_understands_a_wrong_key(market: Any) -> None:
    """It is the key, not the plan."""
    assert [AccessDenied(401, "invalid-key")] == ask(market, "bad-key")


@pytest.mark.parametrize(
    ("trick", "event"),
    [
        ("quota", AccessDenied(429, "quota-reached")),
        ("inactive", AccessDenied(403, "inactive-account")),
    ],
)
def test_a_key_may_be_used_up_or_asleep(market: Any, trick: str, event: AccessDenied) -> None:
    """Who has no key is served all the same."""
    market.fault("trick", venue=VENUE, name=trick)

    assert [event] == ask(market, SECRET)
    assert [Tick] == [type(tick) for tick in ask(market)]


def test_the_end_is_announced_beside_the_prices(market: Any) -> None:
    """`amount` is in days."""
    market.fault("trick", venue=VENUE, name="eol", amount=30)
    before = midnight()
    tick, refused = ask(market)
    told = datetime.fromtimestamp(market.get(OPEN)["time_eol_unix"], UTC)

    assert isinstance(tick, Tick)
    assert isinstance(refused, RequestRejected)
    assert 410 == refused.code
    assert (told - before).days in (30, 31)
    assert f"{told:%Y-%m-%d}" in refused.message


def test_one_call_an_hour_is_answered(market: Any) -> None:
    """The next one is told to wait, with a page for people."""
    market.fault("trick", venue=VENUE, name="limited")
    (first,) = ask(market)
    (second,) = ask(market)
    status, _, headers = market.request(OPEN)

    assert isinstance(first, Tick)
    assert isinstance(second, AccessDenied)
    assert (429, 1200.0) == (second.status, second.retry_after)
    assert (429, "text/html") == (status, headers["Content-Type"])

    market.clear()

    assert [Tick] == [type(event) for event in ask(market)]


def test_a_limit_of_addresses_is_none_of_keys(market: Any) -> None:
    """Only the open endpoint counts them."""
    market.fault("trick", venue=VENUE, name="limited", amount=0)

    assert [Tick] == [type(event) for event in ask(market, SECRET)]
    assert [AccessDenied] == [type(event) for event in ask(market)]


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
def test_what_makes_no_sense_is_an_error(market: Any, path: str, kind: str, status: int) -> None:
    """Every answer has a result."""
    told, body, _ = market.request(path)

    assert (status, "error", kind) == (told, body["result"], body["error-type"])
