import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.drill.processes.server_process import (
    NotInTime,
    ServerProcess,
    free_port,
    kept,
    wait_until,
)
from tests.processes import wait_for

PROGRAM = "import os, time\nprint(os.environ['WORD'], flush=True)\ntime.sleep(600)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """One that has said its word."""
    server = ServerProcess([sys.executable, "-c", PROGRAM], {"WORD": "up"}, tmp_path / "log")
    server.start()
    wait_for(lambda: "up" in server.output(), what="its word")
    yield server
    server.stop()


def test_a_process_can_be_killed_and_started_again(server: ServerProcess) -> None:
    """Its output begins anew."""
    before = server.pid
    server.kill()
    assert not server.runs
    server.start()
    wait_for(lambda: "up" in server.output(), what="its word")

    assert server.runs
    assert before != server.pid
    assert "up\n" == server.output()


def test_a_paused_process_can_be_stopped(server: ServerProcess) -> None:
    """It is there while it is paused."""
    with server.paused():
        state = Path(f"/proc/{server.pid}/stat")
        wait_for(lambda: ") T " in state.read_text(), what="the pause")
        os.kill(server.pid, 0)
    server.stop()

    assert not server.runs


def test_a_kept_process_is_started_again(server: ServerProcess) -> None:
    """For as long as it is kept."""
    before = server.pid
    with kept(server, 0.01):
        os.kill(before, 9)
        wait_for(lambda: server.pid != before, what="the next one")
    server.kill()

    assert not server.runs


def test_what_does_not_happen_is_named() -> None:
    """With the time that was waited."""
    with pytest.raises(NotInTime, match=r"waited 0 s for rain"):
        wait_until(lambda: False, "rain", 0.0)


def test_a_port_is_free() -> None:
    """For anybody who may listen."""
    assert 1024 < free_port() < 65_536
