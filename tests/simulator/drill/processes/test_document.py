from typing import Any

from simulator.drill.processes.document import HEADINGS, cells, document, rows_of
from simulator.drill.processes.process_drill import ProcessOutcome
from simulator.drill.processes.process_fault import PROCESS_FAULTS
from simulator.drill.violation import Violation, ViolationKind


def outcome(**details: Any) -> ProcessOutcome:
    measured = {
        "fault": "bus-hung",
        "wrong": (),
        "checked": 900,
        "confirmed": 80,
        "refused": {"503": 3},
    }
    rest = {"lost": 0, "doubled": 0, "calm": 0.61, "silences": (25.3, 25.2), "load": 8.4}
    return ProcessOutcome(**{**measured, **rest, "recovered": 1.24, **details})


def test_a_row_has_the_figures() -> None:
    """And says where something never happened."""
    expected = (
        "bus-hung",
        "0 of 900",
        "80",
        "3 × 503",
        "0",
        "0",
        "25.3 s",
        "25.2 s",
        "0.6 s",
        "1.2 s",
    )

    assert (*expected, "8", "") == cells(outcome())
    assert len(HEADINGS) == len(cells(outcome()))
    assert "never" == cells(outcome(recovered=None))[9]


def test_only_an_outcome_without_a_flaw_is_good() -> None:
    """Wrong prices, lost or doubled events, and what does not recover."""
    wrong = (Violation(ViolationKind.AGE, "BTC live at 1"),)
    flaws: list[dict[str, Any]] = [
        *({"wrong": wrong}, {"lost": 1}, {"doubled": 1}, {"recovered": None})
    ]

    assert outcome().is_good
    assert not any(outcome(**flaw).is_good for flaw in flaws)


def test_rows_of_other_faults_stay() -> None:
    """In the order of the faults; what was never played is named."""
    first = document([outcome(), outcome(fault="engine-killed")], {})
    second = document([outcome(refused={"503": 77})], rows_of(first))
    rows = rows_of(second)

    assert ["engine-killed", "bus-hung"] == list(rows)
    assert "| 77 × 503 |" in rows["bus-hung"]
    assert "Not played: `engine-paused`" in second
    assert all(f"| `{name}` |" in second for name in PROCESS_FAULTS)
