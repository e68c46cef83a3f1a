import os
import subprocess
import sys
from pathlib import Path

import pytest

from omcrm.errors import PriceFeedRuns
from omcrm.pricing.price_feed_state import PriceFeedState, held, price_feed_state
from tests.processes import ROOT

ALIVE = """
import sys, time
from pathlib import Path
from omcrm.pricing.price_feed_state import held
with held(Path(sys.argv[1]), "db", 7, 9):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_one_that_runs_is_known(tmp_path: Path) -> None:
    """For as long as it runs, and only for its own database."""
    with held(tmp_path, "db", 30, 50):
        during = price_feed_state(tmp_path, "db")
        other = price_feed_state(tmp_path, "another")

    assert PriceFeedState(True, os.getpid(), 30, 50) == during
    assert PriceFeedState(False) == other == price_feed_state(tmp_path, "db")
    assert PriceFeedState(False) == price_feed_state(tmp_path / "none", "db")


def test_a_second_one_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    """The error names the process; one that was killed leaves no lock behind."""
    first = subprocess.Popen(
        [sys.executable, "-c", ALIVE, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert "held\n" == first.stdout.readline()
        with pytest.raises(PriceFeedRuns, match=str(first.pid)), held(tmp_path, "db", 1, 1):
            pass
        assert PriceFeedState(True, first.pid, 7, 9) == price_feed_state(tmp_path, "db")
    finally:
        first.kill()
        first.communicate()
    with held(tmp_path, "db", 1, 2):
        assert PriceFeedState(True, os.getpid(), 1, 2) == price_feed_state(tmp_path, "db")


def test_reading_the_state_does_not_block_a_start(tmp_path: Path, restless: None) -> None:
    """Repeated reads of the state never block a start."""
    for _ in range(100):
        price_feed_state(tmp_path, "db")
        with held(tmp_path, "db", 1, 1):
            assert price_feed_state(tmp_path, "db").is_running


def test_a_file_of_rubbish_is_survived(tmp_path: Path) -> None:
    """A feed runs; its process is not known."""
    with held(tmp_path, "db", 1, 1):
        (path,) = tmp_path.glob("*.lock")
        path.write_bytes(b"\xff{")

        assert PriceFeedState(True) == price_feed_state(tmp_path, "db")
