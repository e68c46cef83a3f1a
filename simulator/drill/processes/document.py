"""The document of the drills of several processes."""

from collections.abc import Iterable

from simulator.drill.processes.process_drill import ProcessOutcome
from simulator.drill.processes.process_fault import PROCESS_FAULTS

HEADINGS = (
    *("fault", "wrong", "events", "refused", "lost", "doubled"),
    *("silence at web 1", "at web 2", "in calm", "recovered", "load"),
)

_ABOUT = """\
# Drills of several processes

TEXT
"""


def cells(outcome: ProcessOutcome) -> tuple[str, ...]:
    """The cells of a drill's row."""
    return (
        outcome.fault,
        f"{len(outcome.wrong)} of {outcome.checked}",
        str(outcome.confirmed),
        str(outcome.refused),
        str(outcome.lost),
        str(outcome.doubled),
        *(f"{seconds:.1f} s" for seconds in (*outcome.silences, outcome.calm)),
        "never" if outcome.recovered is None else f"{outcome.recovered:.1f} s",
        f"{outcome.load:.0f}",
    )


def document(outcomes: list[ProcessOutcome], count: int, not_played: Iterable[str] = ()) -> str:
    """The whole document; `count` is how many drills were meant to be, `not_played` says which
    could not begin, and why."""
    lines = [
        _ABOUT.format(count=len(outcomes), all=count),
        *_table(HEADINGS, map(cells, outcomes)),
        "",
        *(f"{outcome.fault}: {outcome.crowd}.\n" for outcome in outcomes if outcome.crowd),
        f"Drills that could not begin: {'; '.join(not_played) or 'none'}.",
        "",
        *_table(
            ("fault", "what is played"),
            ((f"`{name}`", fault.about) for name, fault in PROCESS_FAULTS.items()),
        ),
        "",
    ]
    return "\n".join(lines)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    headings = tuple(headings)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}", *lines]
