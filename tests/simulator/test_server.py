import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websocket import create_connection

from tests.processes import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """The exchange as a process of its own, on a free port."""
    started = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", "--exit-with-stdin"],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    yield started
    started.kill()
    started.wait()
    for pipe in (started.stdin, started.stdout, started.stderr):
        if pipe:
            pipe.close()


def address(process: subprocess.Popen[str]) -> str:
    """The URL in the line it prints at the start."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("exchange listening on ws://127.0.0.1:")
    assert line.endswith(" (seeded model, seed 1)\n")
    return line.split()[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(process, number) -> None:
    """With clients connected, cleanly and without output."""
    client = create_connection(f"{address(process)}/ws/btcusdt@bookTicker", timeout=PATIENCE)
    client.recv()
    process.send_signal(number)
    code = process.wait(PATIENCE)
    client.shutdown()

    assert 0 == code
    assert "" == process.stderr.read()


def test_it_ends_with_its_standard_input(process) -> None:
    """When the parent process ends, so does the exchange."""
    address(process)
    process.stdin.close()

    assert 0 == process.wait(PATIENCE)
