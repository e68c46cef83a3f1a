"""The command line of the drills."""

import multiprocessing
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.market.source import SIMULATED
from omcrm.number_option import Real, Whole
from simulator.drill.document import HEADINGS, cells, document
from simulator.drill.fault import FAULTS
from simulator.drill.run import DrillError, DrillOutcome, run_drill
from simulator.drill.world import DrillWorld, worlds

# Longer than the delay fault and the recovery hold together: a delayed source must not return.
_SECONDS = 40.0
_SOURCES = [source for source in (*STREAMS, *POLLS) if source != SIMULATED.name]
# Violations that are shown of one drill.
_SHOWN = 3


@click.command("drill")
@click.argument("fault", type=click.Choice([*FAULTS, "all"]))
@click.option(
    "--provider",
    type=click.Choice(_SOURCES),
    help="The source that fails. Without it: the first that can, or with `all` every one.",
)
@click.option("--seconds", type=Real(1, 3600), default=_SECONDS, show_default=True)
@click.option(
    "--streams",
    type=Whole(1, 9),
    help="How many streams of a symbol there are; else that one and all less preferred sources.",
)
@click.option(
    "--erring",
    type=Whole(1, 9),
    default=1,
    show_default=True,
    help="How many of them fail alike.",
)
@click.option(
    "--parallel", type=Whole(1, 32), default=1, show_default=True, help="Drills at a time."
)
@click.option("--write", type=click.Path(path_type=Path), help="Also write the table to this file.")
def drill(
    fault: str,
    provider: str | None,
    seconds: float,
    streams: int | None,
    erring: int,
    parallel: int,
    write: Path | None,
) -> None:
    """Play a fault against the built-in exchange and tell how the feeds come through it."""
    if streams is not None and erring > streams:
        raise click.UsageError("--erring is more than --streams")
    rounds = _rounds(fault, provider, streams, erring)
    click.echo(_row(HEADINGS))
    outcomes: list[DrillOutcome] = []
    not_played: list[str] = []
    for outcome in _outcomes(rounds, seconds, parallel):
        if isinstance(outcome, DrillError):
            not_played.append(str(outcome))
            click.echo(f"    NOT PLAYED: {outcome}")
        else:
            outcomes.append(outcome)
            _report(outcome)
        if write:
            text = document(outcomes, seconds, len(rounds), parallel, not_played)
            write.write_text(text)
    violations = sum(len(outcome.wrong) for outcome in outcomes)
    click.echo(f"violations: {violations} in {len(outcomes)} drills")
    if write:
        click.echo(f"written: {write}")
    sys.exit(bool(not_played) or any(outcome.wrong or outcome.loops for outcome in outcomes))


def _report(outcome: DrillOutcome) -> None:
    click.echo(_row(cells(outcome)))
    for wrong in outcome.wrong[:_SHOWN]:
        click.echo(f"    WRONG: {wrong}")
    for name in outcome.loops:
        click.echo(f"    WRONG: {name} is connected again and again")


def _rounds(
    fault: str, provider: str | None, streams: int | None, erring: int
) -> list[tuple[DrillWorld, str]]:
    """The worlds to be played, with their faults."""
    if fault == "all" and provider is None:
        return list(worlds())
    faults = list(FAULTS) if fault == "all" else [fault]
    sources = [provider] if provider else _SOURCES
    rounds = [
        (DrillWorld(source, streams, erring), name)
        for source in sources
        for name in faults
        if FAULTS[name].suits(source)
    ]
    if not rounds:
        suitable = [source for source in _SOURCES if FAULTS[fault].suits(source)]
        raise click.UsageError(f"{fault} can be played at {', '.join(suitable)}")
    return rounds if provider else rounds[:1]


def _outcomes(
    rounds: list[tuple[DrillWorld, str]], seconds: float, parallel: int
) -> Iterator[DrillOutcome | DrillError]:
    """The outcomes in the order of the rounds, as they come; errors of those that cannot begin."""
    if parallel == 1:
        for world, fault in rounds:
            yield _outcome(world, fault, seconds)
        return
    # Fresh processes: each drill has threads and connections of its own.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(parallel, mp_context=context) as executor:
        futures = [executor.submit(_outcome, world, fault, seconds) for world, fault in rounds]
        for future in futures:
            yield future.result()


def _outcome(world: DrillWorld, fault: str, seconds: float) -> DrillOutcome | DrillError:
    with tempfile.TemporaryDirectory(prefix="omcrm-drill-") as folder:
        try:
            return run_drill(world, fault, seconds, Path(folder))
        except DrillError as error:
            return error


def _row(cells: Iterable[str]) -> str:
    return "  ".join(f"{cell:<14}" for cell in cells).rstrip()
