"""A source is believed by evidence alone: not because it moves, nor because others have left."""

from itertools import pairwise

import pytest

from tests.conftest import ManualClock
from tests.market.whole_market import DOWN, HEALTHY, LIVE, STALE, Market
from tests.values import BINANCE, KRAKEN, instrument


@pytest.fixture
def two(streaming: Market) -> Market:
    """Binance and Kraken stream."""
    streaming.set_health(HEALTHY, "kraken")
    return streaming


def test_a_source_that_walks_off_does_not_win_over_a_market_that_stands_still(two: Market) -> None:
    """Neither is live, however long one of them moves and the other one does not."""
    shown = set()
    for second in range(60):
        for _ in range(5):
            two.trade("100")
            two.trade(str(100 + max(0, second - 10)), KRAKEN)
        two.clock.pass_seconds(1)
        two.review()
        if second > 16:
            shown.add(two.shows()[1])

    assert {STALE} == shown


def test_a_source_that_stands_still_with_all_its_symbols_is_not_live(clock: ManualClock) -> None:
    """Where three symbols at once stand still at one source and move at another, it is frozen."""
    market, names = Market(clock), ("BTC", "ETH", "SOL")
    market.consolidator.follow([instrument(name) for name in names])
    for source in ("binance", "kraken"):
        market.set_health(HEALTHY, source)
    for second in range(25):
        for name in names * 3:
            market.trade("100", BINANCE, name)
            market.trade(str(100 + second / 2), KRAKEN, name)
        market.clock.pass_seconds(1)
        market.review()

    assert {("kraken", LIVE)} == {market.shows(name) for name in names}


def test_a_contradicted_source_is_not_live_because_the_other_one_reconnects(two: Market) -> None:
    """Neither while it is away, again and again, nor is anything said to agree or to recover."""
    shown = set()
    for second in range(60):
        if second >= 20 and second % 6 == 0:
            two.set_health(DOWN, "kraken")
        if second >= 20 and second % 6 == 3:
            two.set_health(HEALTHY, "kraken", second)
        two.trade("108")
        two.trade("100", KRAKEN, connection=max(1, second - second % 3))
        two.clock.pass_seconds(1)
        two.review()
        shown.add(two.shows()[1])
    (began,) = two.consolidator.take_contradictions()

    assert {STALE} == shown
    assert None is not began.between


def test_a_divergence_whose_sources_reconnect_does_not_end_by_agreement(two: Market) -> None:
    """Only one live source is left."""
    for second in range(70):
        two.trade("100" if second < 62 else "103")
        two.trade("100", KRAKEN)
        two.clock.pass_seconds(1)
        two.review()
    two.set_health(DOWN, "kraken")
    began, ended = two.consolidator.take_contradictions()

    assert not began.is_dispute
    assert (None, False, False) == (ended.between, ended.is_dispute, ended.by_agreement)


def test_a_dispute_without_an_opponent_ends_after_a_while(two: Market) -> None:
    """It is not said that they agree."""
    two.trade("108")
    two.trade("100", KRAKEN)
    two.set_health(DOWN, "kraken")
    seconds = 0
    while two.shows()[1] is STALE:
        two.clock.pass_seconds(1)
        two.trade("108")
        two.review()
        seconds += 1
    _, ended = two.consolidator.take_contradictions()

    assert 10 == seconds
    assert (None, False) == (ended.between, ended.by_agreement)


def test_a_source_that_alternates_changes_classes_seldom(two: Market) -> None:
    """A right and a wrong price five times a second, for a minute and a half."""
    shown = []
    for number in range(450):
        two.trade("108" if number % 2 else "100")
        two.trade("100", KRAKEN)
        two.clock.pass_seconds(0.2)
        if number % 2:
            two.review()
        shown.append(two.shows())
    changes = sum(one != other for one, other in pairwise(shown))

    assert changes <= 4
    assert len(two.consolidator.take_contradictions()) <= 4
