from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from omcrm.feeds.provider import AccessDenied, Event, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers import frankfurter
from omcrm.feeds.providers.frankfurter.poll import Frankfurter
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import Tick, Trade
from tests.feeds.samples import reply
from tests.values import START

PROVIDER = Frankfurter("http://127.0.0.1:9")
PAIRS = ("EURUSD", "USDJPY", "EURGBP")
RATES = {"EUR": 0.8672, "GBP": 0.75, "JPY": 156.7}
TABLE = {"amount": 1.0, "base": "USD", "date": "2026-01-05", "rates": RATES}
LIST = [
    {"date": "2026-01-05", "base": "USD", "quote": code, "rate": rate}
    for code, rate in RATES.items()
]


def parse(
    body: Any, status: int = 200, at: datetime = START, names: tuple[str, ...] = PAIRS
) -> list[Event]:
    """The events in a reply while these pairs are followed."""
    (call,) = PROVIDER.calls(names)
    arrival = FrameContext(at, 1, {name: name for name in names})
    return list(PROVIDER.parse(call, reply(body, status), arrival))


def times(events: list[Event]) -> dict[str, datetime]:
    return {event.symbol: event.trade.time for event in events if isinstance(event, Tick)}


# Calls


def test_asks_for_the_currencies_of_its_pairs() -> None:
    """Each currency once, and never dollars against dollars."""
    (call,) = PROVIDER.calls(PAIRS)

    assert "http://127.0.0.1:9/v1/latest?base=USD&symbols=EUR,GBP,JPY" == call.url
    assert PAIRS == call.names


def test_needs_no_key() -> None:
    """It is free of charge, and polled rarely."""
    assert PROVIDER.missing() is None
    assert "" == PROVIDER.api_key()
    assert [(60, "hour")] == [(budget.calls, budget.period) for budget in PROVIDER.limits.budgets]
    assert 3600 <= PROVIDER.limits.interval


# Prices


@pytest.mark.parametrize("body", [TABLE, LIST])
def test_pairs_are_made_of_either_shape(body: Any) -> None:
    """A table and a list make the same ticks."""
    published = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
    prices = {"EURUSD": "1.1531365", "USDJPY": "156.7", "EURGBP": "0.86485240"}

    assert [
        Tick(name, frankfurter.POLL.source, START, 1, trade=Trade(Decimal(price), time=published))
        for name, price in prices.items()
    ] == parse(body)
    assert PriceClass.INDICATIVE is frankfurter.POLL.source.claim


def test_in_summer_the_bank_is_an_hour_earlier() -> None:
    """Frankfurt has daylight saving time."""
    events = parse({**TABLE, "date": "2026-07-06"}, at=datetime(2026, 7, 7, tzinfo=UTC))

    assert {datetime(2026, 7, 6, 14, 0, tzinfo=UTC)} == set(times(events).values())


def test_a_date_before_its_hour_is_of_now() -> None:
    """A price is not newer than its receipt."""
    morning = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

    assert {morning} == set(times(parse(TABLE, at=morning)).values())


def test_a_cross_is_as_old_as_its_older_rate() -> None:
    """The currencies of one list may be of different days."""
    rows = [{**LIST[0], "date": "2026-01-02"}, *LIST[1:]]
    old = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)
    new = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)

    assert {"EURUSD": old, "USDJPY": new, "EURGBP": old} == times(parse(rows))


@pytest.mark.parametrize(
    "body",
    [
        {**TABLE, "rates": {"EUR": 0.8672, "JPY": None}},
        [LIST[0], {**LIST[1], "rate": None}],
    ],
)
def test_a_currency_that_is_left_out_has_no_price(body: Any) -> None:
    """A missing currency is a missing field, not zero."""
    assert ["EURUSD"] == list(times(parse(body)))


def test_a_dollar_in_dollars_makes_no_tick() -> None:
    """A pair without a rate has no date either."""
    assert [] == parse(TABLE, names=("USDUSD",))


@pytest.mark.parametrize(
    "wrong",
    [
        {**TABLE, "base": "EUR"},
        {**TABLE, "amount": 10.0},
        {**TABLE, "date": "yesterday"},
        {**TABLE, "date": None},
        {**TABLE, "rates": []},
        {**TABLE, "rates": {**RATES, "EUR": 0}},
        {**TABLE, "rates": {**RATES, "EUR": "x"}},
        [{**LIST[0], "base": "EUR"}],
        [{**LIST[0], "quote": 1}],
        [{**LIST[0], "date": 20260105}],
        [None],
        {},
        b"<html>",
        "x",
        None,
    ],
)
def test_another_answer_is_unreadable(wrong: Any) -> None:
    """Rates of another base or amount are not used."""
    assert [Unreadable] == [type(event) for event in parse(wrong)]


# Refusals


@pytest.mark.parametrize("status", [404, 422])
def test_currencies_that_are_not_there_are_refused(status: int) -> None:
    """The request is wrong, access is not denied."""
    assert [RequestRejected(status, "not found")] == parse({"message": "not found"}, status)


@pytest.mark.parametrize(("body", "status"), [(b"<h1>Gone</h1>", 404), (b"<h1>No</h1>", 503)])
def test_a_page_is_a_refusal_by_its_status(body: bytes, status: int) -> None:
    """An HTML page means that the address has changed."""
    assert [AccessDenied(status, body.decode())] == parse(body, status)


def test_too_many_calls_are_a_refusal() -> None:
    """The undocumented limit is recognised by its status."""
    (event,) = parse({"message": "too many requests"}, 429)

    assert isinstance(event, AccessDenied)
    assert 429 == event.status
