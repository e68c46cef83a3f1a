"""The rate at which a page gets a symbol that changes faster: the requested one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.streaming.fanout import FanOut
from tests.streaming.page import subscribed
from tests.streaming.timed_tier import NOON, TimedTier, price


@pytest.mark.parametrize("window", [0.1, 0.013, 0.049, 0.001])
@settings(deadline=None, max_examples=50)
@given(requested=st.floats(0.01, 1000))
def test_a_page_gets_the_rate_that_it_requests(window: float, requested: float) -> None:
    """Or slightly less, up to the full rate; requesting the granted rate changes nothing."""
    fanout, full = FanOut(window), 1 / window
    page = subscribed(fanout, "BTC", max_rate=requested)
    rate, resume_point = page.resume_point.max_rate, page.resume_point

    assert 0.95 * min(requested, full) < rate <= min(requested, full) * (1 + 1e-6)
    assert resume_point == page.subscribe(fanout, "BTC", max_rate=rate)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10])
def test_round_rates_are_exact(rate: float) -> None:
    """The rates that clients usually request."""
    assert rate == subscribed(FanOut(), "BTC", max_rate=rate).resume_point.max_rate


def test_there_is_a_slowest_rate() -> None:
    """However low the requested rate is."""
    rate = subscribed(FanOut(), "BTC", max_rate=5e-324).resume_point.max_rate

    assert 0.95e-6 < rate <= 1e-6


def test_many_requested_rates_share_few_tiers() -> None:
    """A thousand pages with different rates do not cost each quote a thousand times."""
    fanout = FanOut()
    pages = [subscribed(fanout, "BTC", max_rate=1 + number / 1000) for number in range(1000)]

    assert 21 == len(fanout._tiers)
    assert {page.resume_point.max_rate for page in pages} == {1 + step / 20 for step in range(20)}


@settings(deadline=None, max_examples=40)
@given(
    rate=st.floats(0.01, 20),
    faster=st.floats(1.0, 30),
    trembles=st.floats(0, 0.5),
    late=st.floats(0, 0.3),
    seed=st.integers(0, 100),
)
def test_the_requested_rate_is_kept(
    rate: float, faster: float, trembles: float, late: float, seed: int
) -> None:
    """A symbol that changes faster is sent at the requested rate, on average."""
    window = FanOut()._tier(rate).window
    chance, timed_tier = random.Random(seed), TimedTier(window=window)
    times = [
        NOON + (number + chance.uniform(0, trembles)) * window / faster for number in range(1500)
    ]
    changes = [(at, price(number)) for number, at in enumerate(times, 1)]
    timed_tier.run(changes, iter(lambda: chance.uniform(0, late) * window, None))
    sent, asked = len(timed_tier.sent), min(rate, 10) * (max(times) - NOON)

    assert sent <= 3 + 1.006 * asked
    if faster > 1.5:
        assert sent >= 0.93 * asked - 1
