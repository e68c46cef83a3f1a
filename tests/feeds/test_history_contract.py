"""The contract of every source of finished days, with the samples of its folder of tests."""

import random
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.history_provider import HistoryProvider, HistoryRequest
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, RequestRejected, Unreadable
from omcrm.feeds.registry import HISTORIES, POLLS, histories, polls
from omcrm.market.daily_bar import DailyBar
from omcrm.market.price_class import PriceClass
from tests.feeds.bad_frames import monsters, mutated
from tests.feeds.samples import (
    FIRST,
    LAST,
    NOW,
    HistorySamples,
    history_request,
    history_samples,
    reply,
)

EVENTS = (DailyBar, RequestRejected, AccessDenied, Unreadable)
KEY = "an-example-key"
SETTINGS = FeedSettings(
    urls=dict.fromkeys(
        {*POLLS, *(item.history.address for item in HISTORIES.values())}, "http://127.0.0.1:9"
    ),
    keys=Keys(lambda name: KEY),
)
PROVIDERS = histories(SETTINGS)


@pytest.fixture(params=HISTORIES)
def provider(request: pytest.FixtureRequest) -> HistoryProvider:
    """Each provider in turn."""
    return PROVIDERS[request.param]


@pytest.fixture
def samples(provider: HistoryProvider) -> HistorySamples:
    """The provider's replies."""
    return history_samples(HISTORIES[provider.source.name].name)


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


def test_requests_each_symbol_in_one_call(
    provider: HistoryProvider, samples: HistorySamples
) -> None:
    """Every name is in exactly one call, and no call exceeds the batch."""
    name = samples.name
    names = {name: "BTC", **{f"{name}{number}": f"X{number}" for number in range(3)}}
    calls = provider.calls(HistoryRequest(names, FIRST, LAST, NOW))

    assert list(names) == [name for call in calls for name in call.names]
    assert all(len(call.names) <= provider.limits.batch for call in calls)
    assert all(urlsplit(call.url).scheme == "http" for call in calls)


def test_the_days_that_are_asked_for_are_read(
    provider: HistoryProvider, samples: HistorySamples
) -> None:
    """The requested days and no others, such as the one that is not over yet."""
    (call,) = provider.calls(history_request(samples.name))
    events = provider.parse(call, samples.days, history_request(samples.name))

    assert [FIRST, LAST] == sorted(candle.day for candle in events if isinstance(candle, DailyBar))
    for candle in events:
        assert isinstance(candle, DailyBar)
        assert ("BTC", provider.source.name) == (candle.symbol, candle.source)
        assert candle.price_class is not PriceClass.LIVE
        assert candle.is_plausible
        assert_well_typed(candle)


def test_no_day_is_no_error(provider: HistoryProvider, samples: HistorySamples) -> None:
    """A day that the source does not have is not invented."""
    (call,) = provider.calls(history_request(samples.name))
    for response in samples.nothing:
        assert [] == provider.parse(call, response, history_request(samples.name))


def test_refusals_are_understood(provider: HistoryProvider, samples: HistorySamples) -> None:
    """A refusal has its status, and never the key in its message."""
    (call,) = provider.calls(history_request(samples.name))
    for refusal, status in samples.refusals:
        (denied,) = provider.parse(call, refusal, history_request(samples.name))

        assert isinstance(denied, AccessDenied), refusal
        assert status == denied.status, refusal
        assert KEY not in denied.message


def test_an_unknown_symbol_is_the_symbols_fault(
    provider: HistoryProvider, samples: HistorySamples
) -> None:
    """Such a refusal does not deny access: other symbols may be requested."""
    (call,) = provider.calls(history_request(samples.name))
    (refused,) = provider.parse(call, samples.unknown, history_request(samples.name))

    assert isinstance(refused, RequestRejected)
    assert refused.message


def test_no_bytes_make_it_raise_or_invent(
    provider: HistoryProvider, tries: int, samples: HistorySamples
) -> None:
    """Every answer makes well-typed events, and some bars are plausible."""
    chance = random.Random(provider.source.name)
    (call,) = provider.calls(history_request(samples.name))
    sample, accepted = samples.days.body.decode(), 0
    for body in mutated((sample,), tries, chance):
        raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        for event in provider.parse(
            call, structs.replace(reply(b""), body=raw), history_request(samples.name)
        ):
            assert isinstance(event, EVENTS), raw[:200]
            if isinstance(event, DailyBar):
                assert_well_typed(event)
                accepted += event.is_plausible

    assert accepted > 0


def test_monsters_are_survived(provider: HistoryProvider, samples: HistorySamples) -> None:
    """A megabyte, a hundred thousand brackets and a million digits raise nothing."""
    (call,) = provider.calls(history_request(samples.name))
    for body in monsters((samples.days.body.decode(),)):
        raw = body.encode() if isinstance(body, str) else body
        events = provider.parse(
            call, structs.replace(reply(b""), body=raw), history_request(samples.name)
        )

        assert all(isinstance(event, EVENTS) for event in events)
