"""The contract of every polled provider, tried with the samples of its folder of tests."""

import random
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    FrameContext,
    PollProvider,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.registry import POLLS, polls
from omcrm.market.policy import POLICIES
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from tests.feeds.bad_frames import monsters, mutated
from tests.feeds.samples import PollSamples, poll_samples, reply
from tests.feeds.test_provider_contract import assert_plausible, assert_well_typed
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
def samples(provider: PollProvider) -> PollSamples:
    """The provider's replies."""
    return poll_samples(POLLS[provider.source.name].name)


@pytest.fixture
def name(samples: PollSamples) -> str:
    """The provider's name of BTC."""
    return samples.name


@pytest.fixture
def arrival(name: str) -> FrameContext:
    """The context of the provider's replies."""
    return FrameContext(START, 3, {name: "BTC"})


def test_is_never_live(provider: PollProvider) -> None:
    """A price that is asked for every minute fills no order."""
    assert not provider.source.claim.may_fill


def test_has_limits_and_budgets(provider: PollProvider) -> None:
    """Every polled upstream has a batch, an interval, budgets and a key to count by."""
    limits = provider.limits

    assert limits.batch >= 1
    assert limits.interval > 0
    assert limits.budgets
    assert all(budget.calls > 0 for budget in limits.budgets)
    assert provider.missing() is None
    assert provider.api_key() in ("", KEY)


def test_requests_each_symbol_in_one_call(provider: PollProvider, name: str) -> None:
    """Every name is in exactly one call, and no call exceeds the batch."""
    names = [name, *(f"{name}{number}" for number in range(2 * provider.limits.batch))]
    calls = provider.calls(names)

    assert names == [name for call in calls for name in call.names]
    assert all(len(call.names) <= provider.limits.batch for call in calls)
    assert all(urlsplit(call.url).scheme == "http" for call in calls)
    assert [] == provider.calls([])


def test_prices_are_read(
    provider: PollProvider, name: str, arrival: FrameContext, samples: PollSamples
) -> None:
    """A reply with a price is a tick with its source, connection and times."""
    (call,) = provider.calls([name])
    for price in samples.prices:
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


def test_unfollowed_symbols_make_no_tick(
    provider: PollProvider, name: str, samples: PollSamples
) -> None:
    """A symbol that is not followed makes no tick, and is no error."""
    (call,) = provider.calls([name])
    for price in samples.prices:
        assert [] == list(provider.parse(call, price, FrameContext(START, 3, {})))


def test_no_price_is_no_error(
    provider: PollProvider, name: str, arrival: FrameContext, samples: PollSamples
) -> None:
    """Empty answers, null and other symbols make no tick and no error."""
    (call,) = provider.calls([name])
    for payload in samples.nothing:
        events = list(provider.parse(call, payload, arrival))

        assert [] == [event for event in events if not isinstance(event, RequestRejected)], payload


def test_refusals_are_understood(
    provider: PollProvider, name: str, arrival: FrameContext, samples: PollSamples
) -> None:
    """Each refusal is mapped to its status, whatever the upstream's own status and text."""
    (call,) = provider.calls([name])
    for refusal, status in samples.refusals:
        (denied,) = provider.parse(call, refusal, arrival)

        assert isinstance(denied, AccessDenied), refusal
        assert status == denied.status, refusal
        assert KEY not in denied.message


def test_no_bytes_make_it_raise_or_invent(
    provider: PollProvider, name: str, arrival: FrameContext, tries: int, samples: PollSamples
) -> None:
    """Every answer makes events only, and each accepted tick has a plausible price."""
    chance = random.Random(provider.source.name)
    (call,) = provider.calls([name])
    bodies = tuple(price.body.decode() for price in samples.prices)
    accepted = 0
    for body in mutated(bodies, tries, chance):
        raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        for event in provider.parse(call, structs.replace(reply(b""), body=raw), arrival):
            assert isinstance(event, EVENTS), raw[:200]
            if isinstance(event, Tick):
                assert_well_typed(event)
                if Validator().validate(event, None, (), POLICY) is not None:
                    accepted += 1
                    assert_plausible(event)

    assert accepted > 0


def test_monsters_are_survived(
    provider: PollProvider, name: str, arrival: FrameContext, samples: PollSamples
) -> None:
    """A megabyte, a hundred thousand brackets and a million digits raise nothing."""
    (call,) = provider.calls([name])
    for body in monsters(tuple(price.body.decode() for price in samples.prices)):
        raw = body.encode() if isinstance(body, str) else body
        events = provider.parse(call, structs.replace(reply(b""), body=raw), arrival)

        assert all(isinstance(event, EVENTS) for event in events)
