"""Jobs run in a few threads, which start and end with the work."""

import logging
import threading
import time
import weakref
from itertools import count

import pytest

from omcrm.streaming.worker_pool import WorkerPool
from tests.processes import PATIENCE, wait_for


def test_a_job_runs_in_a_worker_thread() -> None:
    """Not in the caller's thread, and immediately."""
    workers, names = WorkerPool(), list[str]()
    workers.do(lambda: names.append(threading.current_thread().name))
    wait_for(lambda: names, 5)

    assert ["worker"] == names


def test_a_finished_job_is_freed() -> None:
    """A thread that waits for the next job does not hold the last one."""
    workers, done = WorkerPool(), threading.Event()

    class Job:
        def __call__(self) -> None:
            done.set()

    job = Job()
    gone = weakref.ref(job)
    workers.do(job)
    del job

    assert done.wait(PATIENCE)
    wait_for(lambda: gone() is None, 20)
    assert 1 == workers.size


def test_the_number_of_threads_is_bounded() -> None:
    """With all threads busy, jobs wait; none is lost."""
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


def test_idle_threads_are_reused() -> None:
    """Consecutive jobs need one thread only."""
    workers, done = WorkerPool(), list[int]()
    for number in range(20):
        workers.do(lambda: done.append(threading.get_ident()))
        wait_for(lambda number=number: len(done) > number and workers._waiting == 1, 5)

    assert 20 == len(done)
    assert 1 == len(set(done))


def test_idle_threads_end() -> None:
    """Without work no thread stays, and the next job starts one."""
    workers, done = WorkerPool(idle=0.05), list[int]()
    for number in range(3):
        workers.do(lambda number=number: done.append(number))
        wait_for(lambda: workers.size == 0, 5)

    assert [0, 1, 2] == done


@pytest.mark.usefixtures("restless")
def test_no_job_is_lost_while_threads_end() -> None:
    """Jobs that arrive when a thread is about to end are run, too."""
    workers, done = WorkerPool(most=2, idle=0.001), count()
    for _ in range(300):
        workers.do(lambda: next(done))
        workers.do(lambda: next(done))
        time.sleep(0.001)
    wait_for(lambda: workers.size == 0 and not workers._jobs, 10)

    assert 600 == next(done)


def test_failing_jobs_are_logged_at_a_limited_rate(caplog: pytest.LogCaptureFixture) -> None:
    """The thread goes on with the next job."""
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
