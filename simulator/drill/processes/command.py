"""The command line of the drills of several processes."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from simulator.drill.processes.document import HEADINGS, cells, document, rows_of
from simulator.drill.processes.process_drill import ProcessOutcome, run_process_drill
from simulator.drill.processes.process_fault import PROCESS_FAULTS
from simulator.drill.processes.server_process import NotInTime

# Violations that are shown of one drill.
_SHOWN = 3


@click.command("drill-processes")
@click.argument("fault", type=click.Choice([*PROCESS_FAULTS, "all"]), default="all")
@click.option(
    "--write",
    type=click.Path(path_type=Path),
    help="Also write the table to this file; rows of other faults stay.",
)
def drill_processes(fault: str, write: Path | None) -> None:
    """Play a fault of several processes: two engines, two web processes, PostgreSQL, Redis."""
    names = list(PROCESS_FAULTS) if fault == "all" else [fault]
    click.echo(_row(HEADINGS))
    outcomes: list[ProcessOutcome] = []
    not_played = 0
    before = rows_of(write.read_text()) if write and write.exists() else {}
    for name in names:
        try:
            outcomes.append(run_process_drill(name))
        except NotInTime as error:
            not_played += 1
            click.echo(f"    NOT PLAYED: {name}: {error}")
        else:
            _report(outcomes[-1])
        if write:
            write.write_text(document(outcomes, before))
    if write:
        click.echo(f"written: {write}")
    sys.exit(bool(not_played) or not all(outcome.is_good for outcome in outcomes))


def _report(outcome: ProcessOutcome) -> None:
    click.echo(_row(cells(outcome)))
    for wrong in outcome.wrong[:_SHOWN]:
        click.echo(f"    WRONG: {wrong}")


def _row(cells: Iterable[str]) -> str:
    return "  ".join(f"{cell:<17}" for cell in cells).rstrip()
