"""What holds for every provider that is asked; a new one is added to `replies`."""

import random
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    FrameContext,
    PollProvider,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.registry import POLLS, FeedSettings, polls
from omcrm.market.policy import POLICIES
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from tests.feeds.bad_frames import monsters, mutated
from tests.feeds.replies import NAMES, NOTHING, PRICES, REFUSALS, reply
from tests.feeds.test_provider_contract import assert_believable, assert_well_typed
from tests.values import START

EVENTS = (Tick, RequestRejected, AccessDenied, Unreadable)
KEY = "an-example-key"
PROVIDERS = polls(
    FeedSettings(urls=dict.fromkeys(POLLS, "http://127.0.0.1:9"), keys=Keys(lambda name: KEY))
)
(POLICY, *_) = POLICIES.values()


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> PollProvider:
    """Each provider in turn."""
    return PROVIDERS[request.param]


@pytest.fixture
def name(provider: PollProvider) -> str:
    """What the provider calls BTC."""
    return NAMES[provider.source.name]


@pytest.fixture
def arrival(name: str) -> FrameContext:
    """What is known about the provider's replies."""
    return FrameContext(START, 3, {name: "BTC"})


def test_says_what_it_may_be_asked(provider: PollProvider) -> None:
    """Every upstream that is asked has a budget, and somebody who pays."""
    limits = provider.limits

    assert limits.batch >= 1
    assert limits.interval > 0
    assert limits.budgets
    assert all(budget.calls > 0 for budget in limits.budgets)
    assert provider.missing() is None
    assert provider.api_key() in ("", KEY)


def test_asks_for_each_symbol_once(provider: PollProvider, name: str) -> None:
    """Every name is in exactly one call, and none holds more than a batch."""
    names = [name, *(f"{name}{number}" for number in range(2 * provider.limits.batch))]
    calls = provider.calls(names)

    assert names == [name for call in calls for name in call.names]
    assert all(len(call.names) <= provider.limits.batch for call in calls)
    assert all(urlsplit(call.url).scheme == "http" for call in calls)
    assert [] == provider.calls([])


def test_prices_are_read(provider: PollProvider, name: str, arrival: FrameContext) -> None:
    """A reply with a price is a tick that says how it arrived and how old it is."""
    (call,) = provider.calls([name])
    for price in PRICES[provider.source.name]:
        (tick,) = provider.parse(call, price, arrival)

        assert isinstance(tick, Tick)
        assert ("BTC", provider.source, 3, START) == (
            tick.symbol,
            tick.source,
            tick.connection,
            tick.received_at,
        )
        assert_well_typed(tick)
        assert tick.trade is not None
        assert tick.trade.time is not None


def test_what_is_not_followed_is_not_told(provider: PollProvider, name: str) -> None:
    """A symbol that nobody asked for makes no tick, and is no error."""
    (call,) = provider.calls([name])
    for price in PRICES[provider.source.name]:
        assert [] == list(provider.parse(call, price, FrameContext(START, 3, {})))


def test_no_price_is_no_error(provider: PollProvider, name: str, arrival: FrameContext) -> None:
    """Nothing, null and what was not asked for make no tick and no noise."""
    (call,) = provider.calls([name])
    for payload in NOTHING[provider.source.name]:
        events = list(provider.parse(call, payload, arrival))

        assert [] == [event for event in events if not isinstance(event, RequestRejected)], payload


def test_refusals_are_understood(provider: PollProvider, name: str, arrival: FrameContext) -> None:
    """A refusal says how, whatever status and words the upstream has for it."""
    (call,) = provider.calls([name])
    for refusal, status in REFUSALS[provider.source.name]:
        (expelled,) = provider.parse(call, refusal, arrival)

        assert isinstance(expelled, AccessDenied), refusal
        assert status == expelled.status, refusal
        assert KEY not in expelled.message


def test_no_bytes_make_it_raise_or_lie(
    provider: PollProvider, name: str, arrival: FrameContext, tries: int
) -> None:
    """Whatever is answered, there are only events, and what the gate lets through is a price."""
    chance = random.Random(provider.source.name)
    (call,) = provider.calls([name])
    samples = [price.body.decode() for price in PRICES[provider.source.name]]
    believed = 0
    for body in mutated(samples, tries, chance):
        raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        for event in provider.parse(call, structs.replace(reply(b""), body=raw), arrival):
            assert isinstance(event, EVENTS), raw[:200]
            if isinstance(event, Tick):
                assert_well_typed(event)
                if Validator().judge(event, None, (), POLICY) is not None:
                    believed += 1
                    assert_believable(event)

    assert believed > 0


def test_monsters_are_survived(provider: PollProvider, name: str, arrival: FrameContext) -> None:
    """A megabyte, a hundred thousand brackets and a million digits are read like anything else."""
    (call,) = provider.calls([name])
    for body in monsters([price.body.decode() for price in PRICES[provider.source.name]]):
        raw = body.encode() if isinstance(body, str) else body
        events = provider.parse(call, structs.replace(reply(b""), body=raw), arrival)

        assert all(isinstance(event, EVENTS) for event in events)
