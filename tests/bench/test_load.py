"""The load client against the floor: it counts exactly what is sent."""

import sys
from pathlib import Path

import pytest

from bench.fanout import subject
from bench.fanout.run import run
from bench.fanout.subject import TickLoad

# The floor and the load client are processes.
pytestmark = pytest.mark.outside

PLAIN = [sys.executable, "-m", "bench.fanout.plain_floor"]


@pytest.fixture(params=["C", "Python"])
def floor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a subject whose floor, and whose load client, are in this language."""
    if request.param == "Python":
        monkeypatch.setenv("BENCH_NO_CC", "1")
        assert PLAIN == subject.floor_command()
    elif subject.floor_command() == PLAIN:
        pytest.skip("there is no C compiler")
    return "floor"


def test_every_update_is_counted(floor: str) -> None:
    """Two of three symbols for each of fifty clients, twenty times a second."""
    load = TickLoad(20, ("BTC", "ETH", "SOL"))
    options = ["--clients", "50", "--watch", "2", "--rate", "20", "--warm-up", "0.3"]
    result = run(floor, load, [*options, "--seconds", "1"])

    assert (50, 0, 0) == (result.connected, result.lost, result.regressions)
    assert 50 * 2 * 20 == result.expected
    # How many ticks fit into a second depends on the machine.
    assert 0 < result.counted <= result.expected + 50 * 2
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms + 0.1
    assert result.server_cpu > 0


def test_stalled_pages_are_not_counted(floor: str) -> None:
    """And dropped pages reconnect."""
    load = TickLoad(20, ("BTC",))
    options = ["--clients", "40", "--stalled", "0.5", "--storm", "20", "--warm-up", "0.3"]
    result = run(floor, load, [*options, "--rate", "20", "--seconds", "0.5"])

    assert 10 == result.stalled
    assert 30 * 10 == result.expected
    assert 0 < result.counted <= result.expected + 30
    assert result.storm is not None
    assert (20, 20, True) == (
        result.storm.pages, result.storm.bystanders, result.storm.is_complete,
    )  # fmt: skip


def test_a_program_is_compiled_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Again only after a change of its source."""
    command = subject.floor_command()
    if command == PLAIN:
        pytest.skip("there is no C compiler")
    before = Path(command[0]).stat().st_mtime_ns

    assert command == subject.floor_command()
    assert before == Path(command[0]).stat().st_mtime_ns
