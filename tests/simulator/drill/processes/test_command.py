from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.drill.processes import command
from simulator.drill.processes.document import rows_of
from simulator.drill.processes.process_drill import ProcessOutcome
from simulator.drill.processes.process_fault import PROCESS_FAULTS
from simulator.drill.processes.server_process import NotInTime
from simulator.drill.violation import Violation, ViolationKind
from tests.simulator.drill.processes.test_document import outcome


def test_an_unknown_fault_is_refused() -> None:
    """The error lists the choices."""
    done = CliRunner().invoke(command.drill_processes, ["earthquake"])

    assert (2, True) == (done.exit_code, "bus-hung" in done.output)


def test_all_faults_are_played_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be played is named, and the others are played; the exit status says so."""

    def run(name: str) -> ProcessOutcome:
        if name == "disk-full":
            raise NotInTime("a disk of its own needs root")
        return outcome(fault=name)

    monkeypatch.setattr(command, "run_process_drill", run)
    file = tmp_path / "drills.md"
    done = CliRunner().invoke(command.drill_processes, ["all", "--write", str(file)])

    assert 1 == done.exit_code
    assert "NOT PLAYED: disk-full: a disk of its own needs root" in done.output
    assert PROCESS_FAULTS.keys() - {"disk-full"} == rows_of(file.read_text()).keys()


def test_what_is_wrong_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends with an error; a drill without a flaw does not."""
    wrong = (Violation(ViolationKind.AGE, "BTC live at 1"),)
    outcomes = iter([outcome(wrong=wrong), outcome()])
    monkeypatch.setattr(command, "run_process_drill", lambda name: next(outcomes))
    first, second = (CliRunner().invoke(command.drill_processes, ["bus-hung"]) for _ in range(2))

    assert (1, True) == (first.exit_code, "WRONG: age: BTC live at 1" in first.output)
    assert 0 == second.exit_code
