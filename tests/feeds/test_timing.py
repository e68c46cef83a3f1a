import threading
import time

from omcrm.feeds.timing import ORDINARY, FeedClock
from tests.processes import PATIENCE


def test_time_passes_as_for_everybody_unless_it_is_told_otherwise() -> None:
    """Only a drill hurries."""
    before = time.monotonic()

    assert before <= ORDINARY.now() <= time.monotonic()


def test_faster_time_passes_in_shorter_waits() -> None:
    """Ten seconds of its own pass in a tenth of one."""
    feed_clock, began = FeedClock(100.0), time.monotonic()
    before = feed_clock.now()

    assert not feed_clock.wait(threading.Event(), 10.0)
    assert feed_clock.now() - before >= 10
    assert 0.1 <= time.monotonic() - began < PATIENCE


def test_what_is_waited_for_ends_the_wait() -> None:
    """And says that it came."""
    event = threading.Event()
    event.set()

    assert ORDINARY.wait(event, 60.0)
