from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from omcrm import settings
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Call,
    Event,
    FrameContext,
    Reply,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.providers.exchangerate_api import KEY, POLL
from omcrm.feeds.providers.exchangerate_api.poll import ExchangeRateApi
from omcrm.feeds.registry import polls
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import Tick, Trade
from tests.feeds.samples import reply
from tests.values import START

SECRET = "an-example-key"
BASE, OPEN = "http://127.0.0.1:8", "http://127.0.0.1:9"
MADE = datetime(2026, 2, 2, 2, 40, 1, tzinfo=UTC)
PAIRS = ("EURUSD", "USDJPY", "EURGBP")
RATES = {"USD": 1, "EUR": 0.9013, "GBP": 0.7679, "JPY": 156.7412}
KEYED = {
    "result": "success",
    "time_last_update_unix": 1770000001,
    "base_code": "USD",
    "conversion_rates": RATES,
}
OPENED = {
    "result": "success",
    "provider": "https://www.exchangerate-api.com",
    "time_last_update_unix": 1770000001,
    "time_eol_unix": 0,
    "base_code": "USD",
    "rates": RATES,
}


def provider(key: str = "", open_base: str = OPEN) -> ExchangeRateApi:
    return ExchangeRateApi(BASE, open_base, Keys(lambda name: key if name == KEY.env else ""))


def parse(answer: Reply, key: str = "", names: tuple[str, ...] = PAIRS) -> list[Event]:
    """The events in a reply while these pairs are followed."""
    asked = provider(key)
    (call,) = asked.calls(names)
    return list(asked.parse(call, answer, FrameContext(START, 1, {name: name for name in names})))


def prices(events: list[Event]) -> dict[str, Decimal]:
    return {event.symbol: event.trade.price for event in events if isinstance(event, Tick)}


# Calls


def test_with_a_key_it_is_in_a_header() -> None:
    """The key is in no URL, which logs would show."""
    headers = {"Authorization": f"Bearer {SECRET}"}

    assert [Call(f"{BASE}/v6/latest/USD", PAIRS, headers)] == provider(SECRET).calls(PAIRS)


def test_without_a_key_the_open_endpoint_is_asked() -> None:
    """No setting is missing then."""
    assert [Call(f"{OPEN}/v6/latest/USD", PAIRS)] == provider().calls(PAIRS)
    assert provider().missing() is None
    assert "" == provider().api_key()


def test_without_key_and_open_endpoint_the_key_is_missing() -> None:
    """An installation may switch the open endpoint off."""
    assert KEY.env == provider(open_base="").missing()
    assert provider(SECRET, open_base="").missing() is None


def test_the_limits_are_those_of_what_is_asked_now() -> None:
    """A key that is set later changes the limits, and what calls are counted by."""
    given = {KEY.env: ""}
    asked = ExchangeRateApi(BASE, OPEN, Keys(lambda name: given[name]))
    before = asked.limits
    given[KEY.env] = SECRET

    assert [(1, "hour")] == [(budget.calls, budget.period) for budget in before.budgets]
    assert [(1500, "month")] == [(budget.calls, budget.period) for budget in asked.limits.budgets]
    assert SECRET == asked.api_key()


def test_one_call_is_for_all_pairs() -> None:
    """The call is the same for all base currencies."""
    names = tuple(f"A{number:02}USD" for number in range(100))

    assert [names] == [call.names for call in provider().calls(names)]


def test_the_settings_know_both_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The open endpoint is no source of its own, and is used when its source is chosen."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.delenv(KEY.env, raising=False)
    environ = {"EXCHANGERATE_OPEN_URL": OPEN, "EXCHANGERATE_API_URL": BASE}
    asked = polls(settings.load({**environ, "REALTIME_SOURCES": POLL.source.name}).feeds)
    others = polls(settings.load({**environ, "REALTIME_SOURCES": "coingecko"}).feeds)

    assert [POLL.source.name] == list(asked)
    assert f"{OPEN}/v6/latest/USD" == asked[POLL.source.name].calls(PAIRS)[0].url
    assert ["coingecko"] == list(others)

    monkeypatch.setenv(KEY.env, SECRET)

    assert f"{BASE}/v6/latest/USD" == asked[POLL.source.name].calls(PAIRS)[0].url


# Prices


@pytest.mark.parametrize(("body", "key"), [(KEYED, SECRET), (OPENED, "")])
def test_pairs_are_made_of_the_table(body: Any, key: str) -> None:
    """Direct, inverse and cross rates, whatever the table's field is."""
    expected = {
        "EURUSD": Decimal("1.1095085"),
        "USDJPY": Decimal("156.7412"),
        "EURGBP": Decimal("0.85199157"),
    }

    assert expected == prices(parse(reply(body), key))


def test_a_price_is_as_old_as_the_table() -> None:
    """The table is published once a day, and must not fill orders."""
    trade = Trade(Decimal("156.7412"), time=MADE)

    assert [Tick("USDJPY", POLL.source, START, 1, trade=trade)] == parse(
        reply(KEYED), names=PAIRS[1:2]
    )
    assert PriceClass.INDICATIVE is POLL.source.claim


def test_a_currency_that_is_left_out_has_no_price() -> None:
    """A missing currency is a missing field, not zero."""
    rates = {"USD": 1, "EUR": 0.9013, "GBP": None}

    assert ["EURUSD"] == list(prices(parse(reply({**OPENED, "rates": rates}))))


def test_success_counts_and_not_the_status() -> None:
    """A table is read, whatever the status."""
    assert [*PAIRS] == list(prices(parse(reply(KEYED, 404))))


@pytest.mark.parametrize("rate", [0, -1, "x", {}, True])
def test_what_is_no_rate_is_unreadable(rate: Any) -> None:
    """No price is made of zero, or of text."""
    rates = {**RATES, "EUR": rate}

    assert [Unreadable] == [type(event) for event in parse(reply({**OPENED, "rates": rates}))]


@pytest.mark.parametrize("field", ["result", "rates", "time_last_update_unix"])
@pytest.mark.parametrize("wrong", [None, [], {"a": []}, 1.5])
def test_another_answer_is_unreadable(field: str, wrong: Any) -> None:
    """A field of a wrong type makes the reply unreadable."""
    if (field, wrong) == ("rates", {"a": []}):
        assert [] == parse(reply({**OPENED, field: wrong}))
    else:
        assert [Unreadable] == [type(event) for event in parse(reply({**OPENED, field: wrong}))]


def test_the_end_of_the_endpoint_is_reported_beside_the_prices() -> None:
    """The operator has time to find another source."""
    events = parse(reply({**OPENED, "time_eol_unix": 1780000000}))

    assert [*PAIRS] == list(prices(events))
    assert [RequestRejected(410, "the endpoint will be shut down on 2026-05-28")] == events[
        len(PAIRS) :
    ]


# Refusals


@pytest.mark.parametrize("status", [200, 403, 404, 429])
@pytest.mark.parametrize(
    ("kind", "meaning"), [("quota-reached", 429), ("invalid-key", 401), ("inactive-account", 403)]
)
def test_a_refusal_is_classified_by_its_kind(kind: str, meaning: int, status: int) -> None:
    """The kind decides, whatever the status."""
    (event,) = parse(reply({"result": "error", "error-type": kind}, status), SECRET)

    assert AccessDenied(meaning, kind) == event


@pytest.mark.parametrize(("status", "code"), [(200, 400), (404, 404)])
def test_a_call_that_makes_no_sense_is_refused(status: int, code: int) -> None:
    """Access is not denied: the key is still valid."""
    answer = reply({"result": "error", "error-type": "unsupported-code"}, status)

    assert [RequestRejected(code, "unsupported-code")] == parse(answer)


PAGE = b"<html>Too Many Requests</html>"


@pytest.mark.parametrize("body", [PAGE, {"result": "error", "error-type": "too-many"}, {}])
def test_after_too_many_calls_it_waits_twenty_minutes(body: Any) -> None:
    """The open endpoint sends the status, and its body may be anything."""
    (event,) = parse(reply(body, 429))

    assert isinstance(event, AccessDenied)
    assert (429, 1200.0) == (event.status, event.retry_after)


def test_retry_after_prevails() -> None:
    """`Retry-After` replaces the assumed time."""
    answer = reply(PAGE, 429, **{"retry-after": "90"})

    assert [AccessDenied(429, PAGE.decode(), 90.0)] == parse(answer)


def test_with_a_key_no_waiting_time_is_assumed() -> None:
    """The twenty minutes apply to the open endpoint only."""
    assert [AccessDenied(429, PAGE.decode())] == parse(reply(PAGE, 429), SECRET)


def test_another_page_is_a_refusal_by_its_status() -> None:
    """A gateway's page has no `result` field."""
    assert [AccessDenied(502, "<h1>Bad</h1>")] == parse(reply(b"<h1>Bad</h1>", 502))
