import shutil

import pytest

from simulator.drill.processes.postgresql_server import program
from simulator.drill.processes.process_drill import run_process_drill
from simulator.drill.processes.redis_server import PROGRAM
from tests.conftest import missing


@pytest.mark.long
def test_a_bus_that_restarts_empty_costs_no_truth() -> None:
    """Nothing is live that was not, no event is lost or doubled, and everybody is back."""
    if shutil.which(PROGRAM) is None or program("initdb") is None:
        missing("Redis or PostgreSQL")
    outcome = run_process_drill("bus-empty")

    assert () == outcome.wrong
    assert (0, 0) == (outcome.lost, outcome.doubled)
    assert outcome.is_good
    assert 0 < outcome.checked
    assert 0 < outcome.confirmed
