"""The command line of a whole day of faults."""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import click

from omcrm.number_option import Real, Whole
from simulator.drill.day import DrillDay, DrillHour, run_day
from simulator.drill.run import DrillError


@click.command("drill-day")
@click.option("--hours", type=Whole(1, 168), default=24, show_default=True)
@click.option(
    "--speed",
    type=Real(1, 60),
    default=20.0,
    show_default=True,
    help="How many times faster than the wall's the time passes.",
)
@click.option(
    "--every",
    type=Real(60, 3600),
    default=180.0,
    show_default=True,
    help="Seconds from one fault to the next.",
)
@click.option("--seed", type=Whole(), default=1, show_default=True)
@click.option("--write", type=click.Path(path_type=Path), help="Also write the figures here.")
def drill_day(hours: int, speed: float, every: float, seed: int, write: Path | None) -> None:
    """Play random faults at every source for a day, faster than it passes."""
    wall = timedelta(hours=hours) / speed
    click.echo(
        f"{hours} h with a fault every {every:.0f} s, in {wall.total_seconds() / 60:.0f} min"
    )
    click.echo(_row(_HEADINGS))
    with tempfile.TemporaryDirectory(prefix="omcrm-drill-") as folder:
        try:
            day = run_day(hours, speed, every, seed, Path(folder), _report)
        except DrillError as error:
            raise click.ClickException(str(error)) from None
    for line in _summary(day):
        click.echo(line)
    if write:
        write.write_text(_document(day, hours, speed, every, seed))
        click.echo(f"written: {write}")
    sys.exit(bool(day.wrong or day.unhealthy or day.excesses))


_HEADINGS = (
    *("hour", "faults", "late", "wrong as live", "threads", "descriptors", "sockets", "memory"),
    *("exchange's sockets", "its memory"),
)


def _report(hour: DrillHour) -> None:
    click.echo(_row(_cells(hour)))


def _cells(hour: DrillHour) -> tuple[str, ...]:
    counts = (hour.number, hour.faults, hour.late, hour.wrong, hour.app.threads)
    return (
        *map(str, counts),
        str(hour.app.descriptors),
        str(hour.app.sockets),
        f"{hour.app.memory:.1f} MB",
        str(hour.exchange.sockets),
        f"{hour.exchange.memory:.1f} MB",
    )


def _row(cells: Iterable[str]) -> str:
    widths = [len(heading) for heading in _HEADINGS]
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _summary(day: DrillDay) -> list[str]:
    healthy = "never" if day.healthy is None else f"{day.healthy:.0f} s"
    return [
        f"every source healthy again after the last fault: {healthy}",
        f"not healthy a minute after it: {_list(day.unhealthy)}",
        f"prices shown as live that were not: {len(day.wrong)}",
        *(f"    WRONG: {problem}" for problem in day.wrong[:5]),
        f"calls: {_list(f'{name} {count}' for name, count in day.calls.items())}",
        "budgets exceeded: "
        + _list(
            f"{excess.source} {excess.calls} of {excess.budget.calls} a {excess.budget.period}"
            f" in that of {excess.began:%Y-%m-%d %H:%M}"
            for excess in day.excesses
        ),
    ]


def _list(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


_ABOUT = """\
# A day of faults

Written by `make drill-day`: {hours} hours of the market's time, played {speed:g} times as fast,
with a random fault every {every:.0f} s at a random source (seed {seed}), all sources configured,
the real clients, the default policy and the default intervals. Each fault lasts 10 to 55 s.
Nothing is ever restarted. A source is *healthy* when it streams (or its markets are closed and it
is connected), when it answers or need not be asked, or when its own quota is used up. *Late* counts
the faults after which a source was not healthy again before the next one began. Calls are counted
by the exchange. Memory grows until there are 500 candles of each length. Where time passes
{speed:g} times as fast, so do the operating system's own delays: a price counts as wrong when it
was older than the policy allows at the manager's last review, or {slack:.1f} s longer on its way.
"""


def _document(day: DrillDay, hours: int, speed: float, every: float, seed: int) -> str:
    slack = (speed - 1) * 0.05
    lines = [
        _ABOUT.format(hours=hours, speed=speed, every=every, seed=seed, slack=slack),
        *(f"- {line}" for line in _summary(day)),
        "",
        *_table(_HEADINGS, map(_cells, day.hours)),
        "",
        *_table(("source", "faults played"), _played(day)),
        "",
    ]
    return "\n".join(lines)


def _played(day: DrillDay) -> Iterable[tuple[str, str]]:
    sources = Counter[str]()
    for name, count in day.played.items():
        sources[name.partition(" ")[0]] += count
    for source in sources:
        kinds = [
            f"{name.partition(' ')[2]} {count}"
            for name, count in day.played.items()
            if name.partition(" ")[0] == source
        ]
        yield source, _list(kinds)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(headings)} |",
        f"|{' --- |' * len(headings)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
