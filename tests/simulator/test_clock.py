import time

from simulator.clock import MarketClock


def test_it_is_the_wall_clock_by_default() -> None:
    """In milliseconds."""
    before = time.time()
    now = MarketClock().now()

    assert before - 0.01 <= now / 1000 <= time.time() + 0.01


def test_it_may_be_ahead_and_faster() -> None:
    """A minute ahead, and sixty times as fast for ten seconds."""
    began = time.time() - 10
    now = MarketClock(ahead=60.0, fast=60.0, since=began).now() / 1000

    assert 60 + 599 <= now - began < 60 + 600 + 120


def test_it_does_not_run_backwards_before_it_is_fast() -> None:
    """Until then it follows the wall clock."""
    later = time.time() + 100

    assert abs(MarketClock(fast=60.0, since=later).now() / 1000 - time.time()) < 1
