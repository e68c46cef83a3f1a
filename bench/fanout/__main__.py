"""Runs the fan-out benchmarks and writes docs/benchmarks.md: `python -m bench.fanout`."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.fanout.document import write
from bench.fanout.ingest import measure
from bench.fanout.outcome import Outcomes, RunOutcome
from bench.fanout.rolling import CLIENTS
from bench.fanout.rolling import measure as measure_rolling
from bench.fanout.run import RunFailed, run
from bench.fanout.scale import LOADS
from bench.fanout.scale import measure as measure_scale
from bench.fanout.scenario import EVERYBODY, INGEST, OMCRM, ROLLING, SCALE, SCENARIOS, Lengths, Run
from bench.fanout.subject import Absent
from bench.fanout.table import HEADINGS, cells, plain_row, rolling_rows, scale_cells
from bench.fanout.verdict import NOT_MEASURED, verdict
from bench.machine import machine


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description=__doc__)
    names = (*SCENARIOS, INGEST, SCALE, ROLLING)
    parser.add_argument("--only", nargs="+", choices=names, metavar="SCENARIO", help=str(names))
    parser.add_argument("--subjects", nargs="+", choices=EVERYBODY, metavar="SUBJECT")
    parser.add_argument("--clients", nargs="+", type=int, help="only runs with so many clients")
    parser.add_argument("--seconds", type=float, default=Lengths.window, help="of each run")
    parser.add_argument("--stalled-seconds", type=float, default=Lengths.stalled)
    parser.add_argument("--raw", type=Path, help="also write what was measured as lines of JSON")
    parser.add_argument("--from", dest="source", type=Path, help="measure nothing, read such lines")
    parser.add_argument(
        "--write", action="store_true", help="the document, also for some of the runs"
    )
    return parser.parse_args()


def _runs(options: argparse.Namespace) -> list[Run]:
    lengths = Lengths(options.seconds, options.stalled_seconds)
    wanted = options.only or list(SCENARIOS)
    return [
        trial
        for name, scenario in SCENARIOS.items()
        if name in wanted
        for trial in scenario(lengths)
        if not options.subjects or trial.subject in options.subjects
        if not options.clients or trial.clients in options.clients
    ]


def _measure(runs: list[Run], outcomes: Outcomes) -> Iterator[RunOutcome]:
    absent: dict[str, str] = {}
    for number, trial in enumerate(runs, 1):
        result, note = None, absent.get(trial.subject, "")
        _print_status(
            f"[{number}/{len(runs)}] {trial.scenario}: {trial.subject}, {trial.clients} clients …"
        )
        if not note:
            try:
                result = run(trial.subject, trial.load, trial.arguments)
            except Absent as absence:
                note = absent[trial.subject] = f"skipped: {absence}"
            except RunFailed as failure:
                note = f"FAILED: {str(failure).splitlines()[-1]}"
        outcome = RunOutcome(
            trial.scenario, trial.subject, trial.clients, trial.variant, result, note
        )
        outcomes.runs.append(outcome)
        yield outcome


def _print_status(text: str) -> None:
    # Only on a terminal, where the next line replaces it.
    if sys.stdout.isatty():
        print(f"\r\033[K{text}\r" if text else "\033[K", end="", flush=True)


def _take_ingest(options: argparse.Namespace, outcomes: Outcomes) -> None:
    print(f"\n{INGEST}: ticks of the recorded tape through one process")
    for subject in OMCRM:
        if options.subjects and subject not in options.subjects:
            continue
        mode = subject.removeprefix("omcrm-")
        try:
            ingest = outcomes.ingests[mode] = measure(mode)
        except (Absent, AssertionError) as failure:
            outcomes.notes.append(f"{INGEST}: {failure}")
            print(f"skipped: {failure}")
            return
        print(
            f"{subject:<15} {ingest.a_core:,.0f} a second on one core "
            f"({ingest.ticks} ticks in {ingest.seconds:.1f} s)"
        )


def _take_scale(options: argparse.Namespace, outcomes: Outcomes) -> None:
    print(f"\n{SCALE}: what the bus adds to an update, each symbol ten times a second")
    for subject in OMCRM:
        if options.subjects and subject not in options.subjects:
            continue
        for symbols in LOADS:
            try:
                result = measure_scale(subject.removeprefix("omcrm-"), symbols, options.seconds)
            except (Absent, AssertionError) as failure:
                outcomes.notes.append(f"{SCALE}: {failure}")
                print(f"skipped: {failure}")
                return
            outcomes.scales.append((subject, result))
            print("  ".join((f"{subject:<15}", *scale_cells(result))), flush=True)


def _take_rolling(options: argparse.Namespace, outcomes: Outcomes) -> None:
    print(f"\n{ROLLING}: two web processes are replaced, one after the other")
    clients = options.clients[0] if options.clients else CLIENTS
    try:
        outcomes.rolling = measure_rolling(clients)
    except (Absent, AssertionError) as failure:
        outcomes.notes.append(f"{ROLLING}: {failure}")
        print(f"skipped: {failure}")
        return
    for what, value in rolling_rows(outcomes.rolling):
        print(f"{what:<58} {value}")


def _print_verdict(outcomes: Outcomes) -> None:
    rows = [row for row in verdict(outcomes) if set(row[2:]) != {NOT_MEASURED}]
    if not rows:
        return
    print(f"\n{'':<46} {'goal':<20} {'eventlet':<26} gevent")
    for what, goal, *values in rows:
        print(f"{what:<46} {goal:<20} {values[0]:<26} {values[1]}")


def _perform(options: argparse.Namespace) -> Outcomes:
    outcomes, shown = Outcomes(), ""
    for outcome in _measure(_runs(options), outcomes):
        _print_status("")
        if outcome.scenario != shown:
            shown = outcome.scenario
            print(f"\n{shown}: {(SCENARIOS[shown].__doc__ or '').strip()}")
            print(plain_row(HEADINGS))
        print(plain_row(cells(outcome)), flush=True)
    if not options.only or INGEST in options.only:
        _take_ingest(options, outcomes)
    if not options.only or SCALE in options.only:
        _take_scale(options, outcomes)
    if not options.only or ROLLING in options.only:
        _take_rolling(options, outcomes)
    return outcomes


def main() -> int:
    options, began = _arguments(), time.monotonic()
    # SystemExit on TERM, so that the children are ended.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    if options.source:
        outcomes = Outcomes.read(iter(options.source.read_text().splitlines()))
    else:
        print(machine())
        outcomes = _perform(options)
    _print_verdict(outcomes)
    if options.raw:
        options.raw.write_text("".join(f"{line}\n" for line in outcomes.lines()))
    if options.write or not (options.only or options.subjects or options.clients or options.source):
        write(outcomes)
        print("\nwritten: docs/benchmarks.md, docs/benchmarks.png")
    print(f"took {(time.monotonic() - began) / 60:.1f} min")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
