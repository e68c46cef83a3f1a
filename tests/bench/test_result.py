from collections import Counter
from dataclasses import fields

import pytest

from bench.fanout.outcome import Outcomes, RunOutcome
from bench.fanout.result import Result, Storm, percentile_ms
from bench.fanout.table import HEADINGS, cells, remark
from bench.fanout.verdict import CRITERIA, NOT_MEASURED, verdict


def result(**changes: object) -> Result:
    """A run of ten seconds with a thousand clients."""
    figures = {field.name: 0 for field in fields(Result)}
    figures |= {"clients": 1000, "connected": 1000, "seconds": 10.0, "reader": "C", "storm": None}
    figures |= {"updates": 100_000, "counted": 100_000, "expected": 100_000, "failures": {}}
    return Result(**{**figures, "server_cpu": 0.1, "p99_ms": 20.0, **changes})


def test_percentiles_are_upper_ends_of_their_bucket() -> None:
    """Of a hundred, the 99th."""
    latency = Counter(dict.fromkeys(range(100), 1))

    assert (5.0, 9.9, 10.0) == tuple(percentile_ms(latency, share) for share in (0.5, 0.99, 1))
    assert 0 == percentile_ms(Counter(), 0.5)


def test_a_result_is_read_from_json() -> None:
    """With its storm."""
    storm = Storm(5000, 3.5, 2, True, 500, 1.0, 2.0, 3.0)
    for outcome in (result(), result(storm=storm)):
        assert outcome == Result.from_json(outcome.to_json())


def test_figures_are_derived() -> None:
    """A tenth of a core for ten thousand updates a second is ten microseconds for each."""
    run = result(memory_before_mb=50.0, memory_end_mb=70.0)

    assert (10_000, 10.0, 20.0) == (run.rate, pytest.approx(run.cpu_us), run.memory_kb)
    assert not run.is_collapsed
    assert 1.5 == result(connect_cpu=1.5).connect_ms
    assert result(counted=90_000).is_collapsed
    assert result(connected=999).is_collapsed
    assert "90%" in result(client_cpu=0.9).suspicion


def test_a_row_has_a_cell_for_each_heading() -> None:
    """Also where nothing was measured."""
    done = RunOutcome("fanout", "floor", 1000, "", result(counted=1000))
    skipped = RunOutcome("fanout", "node", 1000, "", None, "skipped: no node")

    assert len(HEADINGS) == len(cells(done)) == len(cells(skipped))
    assert ("COLLAPSED", "skipped: no node") == (remark(done), remark(skipped))


def test_ratios_are_of_the_same_number_of_clients() -> None:
    """A ratio without both runs is not measured."""
    outcomes = Outcomes()
    for subject, cpu in (("omcrm-eventlet", 0.14), ("floor", 0.1), ("stock-eventlet", 0.4)):
        outcomes.runs.append(RunOutcome("fanout", subject, 2000, "", result(server_cpu=cpu)))
    rows = {row[0]: row[2:] for row in verdict(outcomes)}

    assert ["1.4 reached", NOT_MEASURED] == rows["2 000 clients: CPU per update ÷ floor"]
    assert ["0.35 MISSED", NOT_MEASURED] == rows[
        "2 000 clients: CPU per update ÷ stock, same server"
    ]
    assert [NOT_MEASURED] * 2 == rows["5 000 clients: CPU per update ÷ floor"]
    assert len(CRITERIA) == len(rows)


def test_of_several_rounds_the_median_counts() -> None:
    """Failed rounds do not count; the order is that of the first rounds."""
    outcomes = Outcomes([RunOutcome("fanout", "floor", 10, "", None, "failed")])
    for cpu in (0.3, 0.1, 0.2):
        outcomes.runs.append(RunOutcome("fanout", "node", 10, "", result(server_cpu=cpu)))
        outcomes.runs.append(RunOutcome("fanout", "floor", 10, "", result(server_cpu=cpu)))
    first, second = outcomes.typical("fanout")

    assert ("floor", "node") == (first.subject, second.subject)
    assert first.result
    assert 0.2 == first.result.server_cpu
    assert outcomes.find("fanout", "node", 10) == result(server_cpu=0.2)
    assert outcomes.find("fanout", "node", 11) is None


def test_outcomes_are_read_from_their_lines() -> None:
    """So that a document can be written from earlier results."""
    outcomes = Outcomes(
        [RunOutcome("idle", "floor", 10, "", result()), RunOutcome("x", "y", 1, "", None, "no")]
    )
    outcomes.notes.append("a note")

    assert outcomes == Outcomes.read(outcomes.lines())
