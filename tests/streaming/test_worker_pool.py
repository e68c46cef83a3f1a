"""Jobs are done, by few threads, which come and go."""

import logging
import threading
import time
import weakref
from itertools import count

import pytest

from omcrm.streaming.worker_pool import WorkerPool
from tests.processes import PATIENCE, wait_for


def test_a_job_is_done_elsewhere() -> None:
    """Not in the caller's thread, and not later than now."""
    workers, names = WorkerPool(), list[str]()
    workers.do(lambda: names.append(threading.current_thread().name))
    wait_for(lambda: names, 5)

    assert ["worker"] == names


def test_what_is_done_is_not_held() -> None:
    """A thread that waits for the next job has forgotten the last one."""
    workers, done = WorkerPool(), threading.Event()

    class Job:
        def __call__(self) -> None:
            done.set()

    job = Job()
    gone = weakref.ref(job)
    workers.do(job)
    del job

    assert done.wait(20)
    wait_for(lambda: gone() is None, 20)
    assert 1 == workers.size


def test_there_are_never_too_many() -> None:
    """With all busy, jobs wait; none is forgotten."""
    workers, may_end = WorkerPool(most=3, idle=0.1), threading.Event()
    lock, done, busy, peak = threading.Lock(), count(), set[int](), list[int]()

    def job() -> None:
        with lock:
            busy.add(threading.get_ident())
            peak.append(len(busy))
        may_end.wait(PATIENCE)
        with lock:
            busy.discard(threading.get_ident())
            next(done)

    for _ in range(50):
        workers.do(job)
    wait_for(lambda: len(busy) == 3, 5)
    assert 3 == workers.size
    may_end.set()
    wait_for(lambda: len(peak) == 50 and not busy, 10)

    assert 3 == max(peak)


def test_who_is_free_is_used() -> None:
    """One job after the other needs one thread only."""
    workers, done = WorkerPool(), list[int]()
    for number in range(20):
        workers.do(lambda: done.append(threading.get_ident()))
        wait_for(lambda number=number: len(done) > number and workers._waiting == 1, 5)

    assert 20 == len(done)
    assert 1 == len(set(done))


def test_the_idle_go() -> None:
    """Without work nobody stays, and the next job finds somebody."""
    workers, done = WorkerPool(idle=0.05), list[int]()
    for number in range(3):
        workers.do(lambda number=number: done.append(number))
        wait_for(lambda: workers.size == 0, 5)

    assert [0, 1, 2] == done


@pytest.mark.usefixtures("restless")
def test_none_is_lost_between_coming_and_going() -> None:
    """Jobs that come just when somebody gives up waiting are done, too."""
    workers, done = WorkerPool(most=2, idle=0.001), count()
    for _ in range(300):
        workers.do(lambda: next(done))
        workers.do(lambda: next(done))
        time.sleep(0.001)
    wait_for(lambda: workers.size == 0 and not workers._jobs, 10)

    assert 600 == next(done)


def test_a_failure_is_logged_seldom_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Its thread goes on with the next job."""
    workers, done = WorkerPool(most=1), list[bool]()

    def fail() -> None:
        raise ValueError("expected")

    for _ in range(100):
        workers.do(fail)
    workers.do(lambda: done.append(True))
    wait_for(lambda: done, 5)

    assert 1 <= len(caplog.records) <= 2
    assert (logging.ERROR, "a job failed") == (
        caplog.records[0].levelno,
        caplog.records[0].message,
    )
