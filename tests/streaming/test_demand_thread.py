import subprocess
import sys
import threading

import pytest

from omcrm.streaming.demand_thread import DemandThread
from tests.processes import PATIENCE, wait_for
from tests.threads import Threads


class Demand:
    """Whether something is needed, and how often its step was taken."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.is_there = True
        self.steps = 0
        self.fails = False
        self.thread = DemandThread("stepper", self.step, lambda: self.is_there)
        self._seconds = seconds

    def step(self) -> float:
        self.steps += 1
        if self.fails:
            self.fails = False
            raise RuntimeError("the step failed")
        return self._seconds


def test_it_runs_as_long_as_it_is_needed(threads: Threads) -> None:
    """Starting a running one again is harmless."""
    demand = Demand()
    for _ in range(5):
        demand.thread.start()
    wait_for(lambda: demand.steps > 3)
    assert ["stepper"] == threads.new()
    demand.is_there = False

    threads.wait()


def test_it_starts_again(threads: Threads) -> None:
    """After its end a start makes a new thread."""
    demand = Demand()
    for _ in range(3):
        demand.is_there, demand.steps = True, 0
        demand.thread.start()
        wait_for(lambda: demand.steps)
        demand.is_there = False
        threads.wait()


def test_it_does_not_start_where_it_is_not_needed(threads: Threads) -> None:
    """No step is taken."""
    demand = Demand()
    demand.is_there = False
    demand.thread.start()
    threads.wait()

    assert 0 == demand.steps


def test_wake_cuts_the_wait_short(threads: Threads) -> None:
    """The step that would come in an hour comes now."""
    demand = Demand(3600)
    demand.thread.start()
    wait_for(lambda: demand.steps == 1)
    demand.thread.wake()
    wait_for(lambda: demand.steps == 2)
    demand.is_there = False
    demand.thread.wake()
    threads.wait()


def test_a_step_that_fails_is_repeated(caplog: pytest.LogCaptureFixture, threads: Threads) -> None:
    """It is logged with the thread's name."""
    demand = Demand()
    demand.fails = True
    demand.thread.start()
    wait_for(lambda: demand.steps > 1)
    demand.is_there = False
    threads.wait()

    assert "the thread 'stepper' failed" in caplog.text


def test_no_start_is_lost(restless: None, threads: Threads) -> None:
    """Whoever needs a step after `start` gets one, also while the thread is about to end."""
    wanted = set[int]()
    taken = threading.Event()

    def step() -> float:
        wanted.clear()
        taken.set()
        return 0.0

    thread = DemandThread("stepper", step, lambda: bool(wanted))
    for number in range(300):
        taken.clear()
        wanted.add(number)
        thread.start()
        assert taken.wait(PATIENCE)
    threads.wait()


# Wakes a waiting thread from another one, a hundred times.
_WAKES = """
import threading, time
from omcrm.streaming.demand_thread import DemandThread
steps = []
thread = DemandThread("stepper", lambda: steps.append(1) or 3600.0, lambda: len(steps) < 100)
thread.start()
until = time.monotonic() + 60
while len(steps) < 100 and time.monotonic() < until:
    thread.wake()
    time.sleep(0)
print(len(steps))
"""


@pytest.mark.parametrize("mode", ["eventlet", "gevent", "threading"])
def test_it_runs_in_all_kinds_of_threads(mode: str) -> None:
    """On green threads and system threads."""
    patch = f"from omcrm.concurrency import patch; patch({mode!r})\n"
    command = [sys.executable, "-c", patch + _WAKES]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ("100", 0) == (result.stdout.strip(), result.returncode), result.stderr
