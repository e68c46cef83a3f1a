import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.drill.processes.process_clock import ProcessClock, compiled
from simulator.drill.processes.server_process import NotInTime
from tests.conftest import missing

# Answers each line with both clocks.
PROGRAM = """
import sys, time
from datetime import UTC, datetime
for _ in sys.stdin:
    print(time.time(), datetime.now(UTC).timestamp(), time.monotonic(), flush=True)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The compiled library."""
    try:
        return compiled(tmp_path)
    except NotInTime as error:
        missing(str(error))
        raise


def test_the_clock_of_a_process_is_set_while_it_runs(library: Path, tmp_path: Path) -> None:
    """Its monotonic clock stays right, and so does everybody else's."""
    clock = ProcessClock(library, tmp_path / "clock")
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **clock.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def offsets() -> list[float]:
        """By how much its two readings of the wall clock differ from the monotonic one."""
        assert child.stdin
        assert child.stdout
        child.stdin.write("\n")
        child.stdin.flush()
        first, second, monotonic = map(float, child.stdout.readline().split())
        return [first - monotonic, second - monotonic]

    with child:
        right = offsets()
        with clock.off_by(-3000):
            behind = offsets()
        again = offsets()
        child.communicate()

    assert [-3000, -3000] == pytest.approx(
        [after - before for after, before in zip(behind, right, strict=True)], abs=1000
    )
    assert right == pytest.approx(again, abs=1000)


def test_the_library_is_compiled_once(library: Path, tmp_path: Path) -> None:
    """A second process uses the same."""
    written = library.stat().st_mtime_ns

    assert written == compiled(tmp_path).stat().st_mtime_ns


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words for whoever runs the drill."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NotInTime, match="C compiler"):
        compiled(tmp_path)
