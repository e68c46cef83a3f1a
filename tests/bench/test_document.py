from pathlib import Path

import pytest

from bench.fanout import document
from bench.fanout.ingest import IngestResult
from bench.fanout.outcome import Outcomes, RunOutcome
from bench.fanout.result import Result
from tests.processes import ROOT


def result(clients: int, p99: float) -> Result:
    """A run in which everything was delivered."""
    return Result(
        clients, clients, 1.0, 0, 10.0, clients * 100, clients * 100, clients * 100, 0, 1, 1, 0, 0,
        0, 5.0, p99, 30.0, 0.1, 0.1, 0.0, 1.0, 0.0, 50.0, 60.0, 60.0, "C",
    )  # fmt: skip


@pytest.mark.outside
def test_all_results_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, verdict and picture, without a path of this machine."""
    monkeypatch.setattr(document, "_DOCUMENT", tmp_path / "benchmarks.md")
    monkeypatch.setattr(document, "_PICTURE", tmp_path / "benchmarks.png")
    outcomes = Outcomes(ingests={"eventlet": IngestResult(60_000, 1.5, 1.2)}, notes=["a note"])
    for subject in ("omcrm-eventlet", "floor"):
        for clients in (500, 2000):
            outcomes.runs.append(RunOutcome("fanout", subject, clients, "", result(clients, 20.0)))
    document.write(outcomes)
    text = (tmp_path / "benchmarks.md").read_text()

    assert "| 2 000 clients: CPU per update ÷ floor | ≤ 1.5 | 1 reached | not measured |" in text
    assert "| eventlet | 60000 | 1.50 | 40000 | 50000 |" in text
    assert "- a note" in text
    assert str(ROOT) not in text
    assert b"PNG" == (tmp_path / "benchmarks.png").read_bytes()[1:4]
