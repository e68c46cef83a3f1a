import threading
import time

from omcrm.streaming.lag import LagMeter, WorstLag
from tests.processes import PATIENCE, wait_for


def test_the_worst_of_the_last_minute() -> None:
    """A stall is reported for a minute; smaller ones show again after it."""
    lag = WorstLag()
    lag.note(0.2, now=100.0)
    lag.note(0.5, now=110.0)
    lag.note(0.1, now=150.0)

    assert 0.5 == lag.worst(now=160.0)
    assert 0.1 == lag.worst(now=171.0)
    assert 0.0 == lag.worst(now=211.0)


def test_memory_is_bounded() -> None:
    """Only values that may still become the worst are kept."""
    lag = WorstLag()
    for number in range(36_000):
        lag.note(0.001, now=number / 10)

    assert len(lag._worst) <= 601


def test_a_stall_of_the_process_is_recorded() -> None:
    """A thread that holds the interpreter delays the next measurement."""
    over = threading.Event()
    lag_meter = LagMeter(lambda: not over.is_set(), lambda: None)
    threading.Thread(target=lag_meter.run, daemon=True).start()

    def stall() -> bool:
        # One call that does not release the interpreter.
        list(range(8_000_000))
        return lag_meter.lag.worst(time.monotonic()) > 0.02

    wait_for(stall, 20, "a late beat")
    over.set()


def test_garbage_is_collected_without_connections() -> None:
    """The last connection's garbage is collected, too."""
    tidied = threading.Event()
    lag_meter = LagMeter(lambda: False, tidied.set)
    threading.Thread(target=lag_meter.run, daemon=True).start()

    assert tidied.wait(PATIENCE)
