import threading
import time

from omcrm.feeds.timing import ORDINARY, FeedClock
from tests.processes import PATIENCE


def test_the_default_clock_is_monotonic_time() -> None:
    """Only a drill uses a faster clock."""
    before = time.monotonic()

    assert before <= ORDINARY.now() <= time.monotonic()


def test_faster_time_passes_in_shorter_waits() -> None:
    """At speed 100, ten seconds of the clock pass in a tenth of a second."""
    feed_clock, began = FeedClock(100.0), time.monotonic()
    before = feed_clock.now()

    assert not feed_clock.wait(threading.Event(), 10.0)
    assert feed_clock.now() - before >= 10
    assert 0.1 <= time.monotonic() - began < PATIENCE


def test_a_set_event_ends_the_wait() -> None:
    """And `wait` returns true."""
    event = threading.Event()
    event.set()

    assert ORDINARY.wait(event, 60.0)
