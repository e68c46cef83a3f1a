"""The command line of the drills."""

import sys
import tempfile
from pathlib import Path

import click

from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.market.source import SIMULATED
from omcrm.number_option import Real
from simulator.drill.fault import FAULTS
from simulator.drill.run import DrillError, DrillOutcome, run_drill

# Longer than the delay fault and the recovery hold together: a delayed source must not return.
_SECONDS = 40.0
# `all` plays the faults at the best source of each kind.
_ROUND = ("binance", "finnhub", "finnhub_quote")
_SOURCES = [source for source in (*STREAMS, *POLLS) if source != SIMULATED.name]


@click.command("drill")
@click.argument("fault", type=click.Choice([*FAULTS, "all"]))
@click.option(
    "--provider",
    type=click.Choice(_SOURCES),
    help="The source that fails. Without it: the first that can, or with `all` one of each kind.",
)
@click.option("--seconds", type=Real(1, 3600), default=_SECONDS, show_default=True)
@click.option("--write", type=click.Path(path_type=Path), help="Also write the table to this file.")
def drill(fault: str, provider: str | None, seconds: float, write: Path | None) -> None:
    """Play a fault against the built-in exchange and tell how the feeds come through it."""
    faults = list(FAULTS) if fault == "all" else [fault]
    rounds = [
        (source, name)
        for source in ([provider] if provider else _ROUND)
        for name in faults
        if FAULTS[name].suits(source)
    ]
    if not rounds:
        suitable = [source for source in _SOURCES if FAULTS[fault].suits(source)]
        raise click.UsageError(f"{fault} can be played at {', '.join(suitable)}")
    if not provider and fault != "all":
        rounds = rounds[:1]
    click.echo(_row(_HEADINGS))
    outcomes = []
    for source, name in rounds:
        with tempfile.TemporaryDirectory(prefix="omcrm-drill-") as folder:
            try:
                outcomes.append(run_drill(source, name, seconds, Path(folder)))
            except DrillError as error:
                raise click.ClickException(str(error)) from None
        click.echo(_row(_cells(outcomes[-1])))
        for wrong in outcomes[-1].wrong[:3]:
            click.echo(f"    WRONG: {wrong}")
    if write:
        write.write_text(_document(outcomes, seconds))
        click.echo(f"written: {write}")
    sys.exit(any(outcome.wrong for outcome in outcomes))


_HEADINGS = ("provider", "fault", "detected", "taken over", "symbols", "wrong as live", "recovered")


def _cells(outcome: DrillOutcome) -> tuple[str, ...]:
    taken_over = _seconds(outcome.taken_over) if outcome.moves else "not needed"
    return (
        outcome.provider,
        outcome.fault,
        _seconds(outcome.detected),
        taken_over,
        str(outcome.symbols),
        str(len(outcome.wrong)),
        _seconds(outcome.recovered),
    )


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _row(cells: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:<14}" for cell in cells).rstrip()


_ABOUT = """\
# Drills

Written by `make drill`: each fault is played against the built-in exchange for {seconds:.0f} s,
with the real clients and the default policy. Seconds count from the fault's beginning, those of
*recovered* from its end (a source becomes active again only after it was good for 10 s). *Symbols*
counts those that were not live from this provider for a moment. *Wrong as live* counts prices that
are live, but older than the policy's maximum age, longer than that on their way, or more than 5 %
from the market, and indicative ones of more than five days ago, checked twenty times a second; it
must be 0. At a polled source time passes 30
times as fast: {seconds:.0f} s are {minutes:.0f} minutes of the market's, and so are the times.

```
python manage.py drill mute --provider binance --seconds 40
make drill
```
"""


def _document(outcomes: list[DrillOutcome], seconds: float) -> str:
    lines = [
        _ABOUT.format(seconds=seconds, minutes=seconds / 2),
        f"| {' | '.join(_HEADINGS)} |",
        f"|{' --- |' * len(_HEADINGS)}",
        *(f"| {' | '.join(_cells(outcome))} |" for outcome in outcomes),
        "",
        "| fault | what is played |",
        "| --- | --- |",
        *(f"| `{name}` | {item.about} |" for name, item in FAULTS.items()),
        "",
    ]
    return "\n".join(lines)
