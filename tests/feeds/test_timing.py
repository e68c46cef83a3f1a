import subprocess
import sys
import threading
import time

import pytest

from omcrm.concurrency import MODES
from omcrm.feeds.timing import ORDINARY, FeedClock
from tests.processes import PATIENCE, ROOT


def test_the_default_clock_is_monotonic_time() -> None:
    """Only a drill uses a faster clock."""
    before = time.monotonic()

    assert before <= ORDINARY.now() <= time.monotonic()


def test_seconds_since_the_machine_was_started_pass() -> None:
    """As monotonic ones, and faster in a drill."""
    began, ordinary = time.monotonic(), ORDINARY.since_boot()
    fast = FeedClock(100.0).since_boot()
    while time.monotonic() - began < 0.02:
        pass
    passed, fast_passed = ORDINARY.since_boot() - ordinary, FeedClock(100.0).since_boot() - fast

    assert passed >= 0.02
    assert fast_passed >= 2


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


SEVERAL_WAIT = """
import sys
from omcrm.concurrency import patch
patch(sys.argv[1])
import random, threading, time
from omcrm.feeds.timing import ORDINARY

chance = random.Random(20261122)

def loop(event, period):
    while not ORDINARY.wait(event, period):
        time.sleep(chance.choice((0, 0, 0.0003)))

for _ in range(200):
    event, periods = threading.Event(), (0.002, 0.002, 0.001)
    threads = [threading.Thread(target=loop, args=(event, period)) for period in periods]
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0.001, 0.006))
    event.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
print("all ended")
"""


@pytest.mark.parametrize("mode", MODES)
def test_no_thread_is_lost_where_several_wait(mode: str) -> None:
    """Whenever the event is set: before, during or between their waits."""
    command = [sys.executable, "-c", SEVERAL_WAIT, mode]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert "all ended\n" == ended.stdout, ended.stderr[-2000:]
