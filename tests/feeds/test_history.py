"""The contract of every source of finished days; a new one is added to `history_replies`."""

import random
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from omcrm.feeds.history import ADDRESSES, HISTORIES, histories
from omcrm.feeds.history_provider import HistoryProvider, HistoryRequest
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, RequestRejected, Unreadable
from omcrm.feeds.registry import POLLS, FeedSettings, polls
from omcrm.market.daily_bar import DailyBar
from omcrm.market.price_class import PriceClass
from tests.feeds.bad_frames import monsters, mutated
from tests.feeds.history_replies import (
    DAYS,
    FIRST,
    LAST,
    NAMES,
    NOTHING,
    NOW,
    REFUSALS,
    UNKNOWN,
    history_request,
)
from tests.feeds.replies import reply

EVENTS = (DailyBar, RequestRejected, AccessDenied, Unreadable)
KEY = "an-example-key"
SETTINGS = FeedSettings(
    urls=dict.fromkeys({*ADDRESSES.values(), *POLLS}, "http://127.0.0.1:9"),
    keys=Keys(lambda name: KEY),
)
PROVIDERS = histories(SETTINGS)


@pytest.fixture(params=HISTORIES)
def provider(request: pytest.FixtureRequest) -> HistoryProvider:
    """Each provider in turn."""
    return PROVIDERS[request.param]


def assert_well_typed(candle: DailyBar) -> None:
    figures = (candle.close, candle.open, candle.high, candle.low, candle.volume)

    assert type(candle.close) is Decimal
    assert all(value is None or type(value) is Decimal for value in figures), candle
    assert FIRST <= candle.day <= LAST


def test_a_provider_without_an_address_is_off() -> None:
    """A source without an address has no history provider."""
    assert HISTORIES.keys() == PROVIDERS.keys()
    assert {} == histories(FeedSettings())
    assert ["coinbase"] == list(
        histories(FeedSettings(urls={"coinbase_rest": "http://127.0.0.1:9", "coinbase": "ws://x"}))
    )


def test_the_exchange_s_http_address_is_derived() -> None:
    """Its HTTP address is derived from that of its WebSocket, and its days are simulated."""
    provider = histories(FeedSettings(urls={"simulated": "ws://127.0.0.1:9"}))["simulated"]
    (call,) = provider.calls(history_request("simulated"))
    (first, *_) = provider.parse(call, DAYS["simulated"], history_request("simulated"))

    assert call.url.startswith("http://127.0.0.1:9/api/v3/klines?")
    assert isinstance(first, DailyBar)
    assert ("simulated", PriceClass.SIMULATED) == (first.source, first.price_class)


def test_calls_count_against_the_pollers_budget(provider: HistoryProvider) -> None:
    """A source of prices and of days has one budget for both."""
    poller = polls(SETTINGS).get(provider.source.name)

    assert provider.limits.budgets
    assert provider.reach > 0
    assert provider.missing() is None
    assert provider.api_key() in ("", KEY)
    if poller is not None:
        assert poller.limits.budgets == provider.limits.budgets
        assert poller.api_key() == provider.api_key()


def test_requests_each_symbol_in_one_call(provider: HistoryProvider) -> None:
    """Every name is in exactly one call, and no call exceeds the batch."""
    name = NAMES[provider.source.name]
    names = {name: "BTC", **{f"{name}{number}": f"X{number}" for number in range(3)}}
    calls = provider.calls(HistoryRequest(names, FIRST, LAST, NOW))

    assert list(names) == [name for call in calls for name in call.names]
    assert all(len(call.names) <= provider.limits.batch for call in calls)
    assert all(urlsplit(call.url).scheme == "http" for call in calls)


def test_the_days_that_are_asked_for_are_read(provider: HistoryProvider) -> None:
    """The requested days and no others, such as the one that is not over yet."""
    source = provider.source.name
    (call,) = provider.calls(history_request(source))
    events = provider.parse(call, DAYS[source], history_request(source))

    assert [FIRST, LAST] == sorted(candle.day for candle in events if isinstance(candle, DailyBar))
    for candle in events:
        assert isinstance(candle, DailyBar)
        assert ("BTC", source) == (candle.symbol, candle.source)
        assert candle.price_class is not PriceClass.LIVE
        assert candle.is_plausible
        assert_well_typed(candle)


def test_no_day_is_no_error(provider: HistoryProvider) -> None:
    """A day that the source does not have is not invented."""
    source = provider.source.name
    (call,) = provider.calls(history_request(source))
    for response in NOTHING[source]:
        assert [] == provider.parse(call, response, history_request(source))


def test_refusals_are_understood(provider: HistoryProvider) -> None:
    """A refusal has its status, and never the key in its message."""
    source = provider.source.name
    (call,) = provider.calls(history_request(source))
    for refusal, status in REFUSALS[source]:
        (denied,) = provider.parse(call, refusal, history_request(source))

        assert isinstance(denied, AccessDenied), refusal
        assert status == denied.status, refusal
        assert KEY not in denied.message


def test_an_unknown_symbol_is_the_symbols_fault(provider: HistoryProvider) -> None:
    """Such a refusal does not deny access: other symbols may be requested."""
    source = provider.source.name
    (call,) = provider.calls(history_request(source))
    (refused,) = provider.parse(call, UNKNOWN[source], history_request(source))

    assert isinstance(refused, RequestRejected)
    assert refused.message


def test_no_bytes_make_it_raise_or_invent(provider: HistoryProvider, tries: int) -> None:
    """Every answer makes well-typed events, and some bars are plausible."""
    source, chance = provider.source.name, random.Random(provider.source.name)
    (call,) = provider.calls(history_request(source))
    sample, accepted = DAYS[source].body.decode(), 0
    for body in mutated((sample,), tries, chance):
        raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        for event in provider.parse(
            call, structs.replace(reply(b""), body=raw), history_request(source)
        ):
            assert isinstance(event, EVENTS), raw[:200]
            if isinstance(event, DailyBar):
                assert_well_typed(event)
                accepted += event.is_plausible

    assert accepted > 0


def test_monsters_are_survived(provider: HistoryProvider) -> None:
    """A megabyte, a hundred thousand brackets and a million digits raise nothing."""
    source = provider.source.name
    (call,) = provider.calls(history_request(source))
    for body in monsters((DAYS[source].body.decode(),)):
        raw = body.encode() if isinstance(body, str) else body
        events = provider.parse(
            call, structs.replace(reply(b""), body=raw), history_request(source)
        )

        assert all(isinstance(event, EVENTS) for event in events)
