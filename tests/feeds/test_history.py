"""What holds for every source that tells finished days; a new one is added to `past_days`."""

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
from tests.feeds.past_days import DAYS, FIRST, LAST, NAMES, NOTHING, NOW, REFUSALS, UNKNOWN, past
from tests.feeds.replies import reply

TOLD = (DailyBar, RequestRejected, AccessDenied, Unreadable)
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
    assert all(figure is None or type(figure) is Decimal for figure in figures), candle
    assert FIRST <= candle.day <= LAST


def test_who_has_no_address_is_not_asked() -> None:
    """Nothing is known of a source that is switched off."""
    assert HISTORIES.keys() == PROVIDERS.keys()
    assert {} == histories(FeedSettings())
    assert ["coinbase"] == list(
        histories(FeedSettings(urls={"coinbase_rest": "http://127.0.0.1:9", "coinbase": "ws://x"}))
    )


def test_the_exchange_is_asked_where_it_listens() -> None:
    """Its HTTP stands beside its WebSockets, and its days are simulated."""
    provider = histories(FeedSettings(urls={"simulated": "ws://127.0.0.1:9"}))["simulated"]
    (call,) = provider.calls(past("simulated"))
    (first, *_) = provider.parse(call, DAYS["simulated"], past("simulated"))

    assert call.url.startswith("http://127.0.0.1:9/api/v3/klines?")
    assert isinstance(first, DailyBar)
    assert ("simulated", PriceClass.SIMULATED) == (first.source, first.price_class)


def test_calls_are_paid_from_the_pollers_budget(provider: HistoryProvider) -> None:
    """Who is asked for prices and for days has one budget for both."""
    poller = polls(SETTINGS).get(provider.source.name)

    assert provider.limits.budgets
    assert provider.reach > 0
    assert provider.missing() is None
    assert provider.api_key() in ("", KEY)
    if poller is not None:
        assert poller.limits.budgets == provider.limits.budgets
        assert poller.api_key() == provider.api_key()


def test_asks_for_each_symbol_once(provider: HistoryProvider) -> None:
    """Every name is in exactly one call."""
    name = NAMES[provider.source.name]
    names = {name: "BTC", **{f"{name}{number}": f"X{number}" for number in range(3)}}
    calls = provider.calls(HistoryRequest(names, FIRST, LAST, NOW))

    assert list(names) == [name for call in calls for name in call.names]
    assert all(len(call.names) <= provider.limits.batch for call in calls)
    assert all(urlsplit(call.url).scheme == "http" for call in calls)


def test_the_days_that_are_asked_for_are_read(provider: HistoryProvider) -> None:
    """Those and no others, such as the one that is not over yet."""
    source = provider.source.name
    (call,) = provider.calls(past(source))
    told = provider.parse(call, DAYS[source], past(source))

    assert [FIRST, LAST] == sorted(candle.day for candle in told if isinstance(candle, DailyBar))
    for candle in told:
        assert isinstance(candle, DailyBar)
        assert ("BTC", source) == (candle.symbol, candle.source)
        assert candle.price_class is not PriceClass.LIVE
        assert candle.is_believable
        assert_well_typed(candle)


def test_no_day_is_no_error(provider: HistoryProvider) -> None:
    """What the source does not know is not made up."""
    source = provider.source.name
    (call,) = provider.calls(past(source))
    for response in NOTHING[source]:
        assert [] == provider.parse(call, response, past(source))


def test_refusals_are_understood(provider: HistoryProvider) -> None:
    """A refusal says how, and never with the key in it."""
    source = provider.source.name
    (call,) = provider.calls(past(source))
    for refusal, status in REFUSALS[source]:
        (expelled,) = provider.parse(call, refusal, past(source))

        assert isinstance(expelled, AccessDenied), refusal
        assert status == expelled.status, refusal
        assert KEY not in expelled.message


def test_an_unknown_symbol_is_the_symbols_fault(provider: HistoryProvider) -> None:
    """Others may be asked for as before."""
    source = provider.source.name
    (call,) = provider.calls(past(source))
    (refused,) = provider.parse(call, UNKNOWN[source], past(source))

    assert isinstance(refused, RequestRejected)
    assert refused.message


def test_no_bytes_make_it_raise_or_lie(provider: HistoryProvider, tries: int) -> None:
    """Whatever is answered, each thing told is of its type, and what is believed is a day."""
    source, chance = provider.source.name, random.Random(provider.source.name)
    (call,) = provider.calls(past(source))
    sample, believed = DAYS[source].body.decode(), 0
    for body in mutated((sample,), tries, chance):
        raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        for told in provider.parse(call, structs.replace(reply(b""), body=raw), past(source)):
            assert isinstance(told, TOLD), raw[:200]
            if isinstance(told, DailyBar):
                assert_well_typed(told)
                believed += told.is_believable

    assert believed > 0


def test_monsters_are_survived(provider: HistoryProvider) -> None:
    """A megabyte, a hundred thousand brackets and a million digits are read like anything else."""
    source = provider.source.name
    (call,) = provider.calls(past(source))
    for body in monsters((DAYS[source].body.decode(),)):
        raw = body.encode() if isinstance(body, str) else body
        told = provider.parse(call, structs.replace(reply(b""), body=raw), past(source))

        assert all(isinstance(event, TOLD) for event in told)
