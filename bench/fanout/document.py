"""Writes docs/benchmarks.md and its picture from the results."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from bench.fanout.native import compiled
from bench.fanout.outcome import Outcomes
from bench.fanout.plot import draw
from bench.fanout.scenario import OMCRM, SCENARIOS
from bench.fanout.table import (
    HEADINGS,
    ROLLING_ABOUT,
    SCALE_HEADINGS,
    cells,
    markdown,
    rolling_rows,
    scale_cells,
)
from bench.fanout.verdict import verdict
from bench.machine import machine
from tests.processes import ROOT

_DOCUMENT = ROOT / "docs" / "benchmarks.md"
_PICTURE = ROOT / "docs" / "benchmarks.png"
_ABOUT = Path(__file__).parent / "about.md"
_LOCK = Path(__file__).parent / "node" / "package-lock.json"
_LIBRARIES = (
    "eventlet", "gevent", "flask", "flask-socketio", "python-socketio", "python-engineio",
    "simple-websocket", "msgspec",
)  # fmt: skip


def write(outcomes: Outcomes) -> None:
    """Write the document and the picture."""
    draw(outcomes, _PICTURE)
    _DOCUMENT.write_text("\n".join(_sections(outcomes)))


def _sections(outcomes: Outcomes) -> Iterator[str]:
    yield f"# Benchmarks\n\n{_ABOUT.read_text()}"
    yield "## Where and with what\n"
    yield from (f"- {fact}" for fact in _facts())
    yield "\n## Verdict\n"
    headings = ["", "goal", *(f"`{subject}`" for subject in OMCRM)]
    yield markdown(headings, verdict(outcomes)) + "\n"
    if outcomes.of("fanout"):
        yield "![Processor time per update and p99 against the number of clients](benchmarks.png)\n"
    for name, scenario in SCENARIOS.items():
        if runs := outcomes.of(name):
            yield f"## {name}\n\n{(scenario.__doc__ or '').strip()}\n"
            yield markdown(HEADINGS, map(cells, runs)) + "\n"
    if outcomes.ingests:
        yield "## ingest\n\nThe recorded tape, as fast as it can be played, through one process.\n"
        headings = ["threads", "ticks", "seconds", "ticks/s", "ticks/s on one core"]
        rows = (
            (mode, str(item.ticks), f"{item.seconds:.2f}", f"{item.rate:.0f}", f"{item.a_core:.0f}")
            for mode, item in outcomes.ingests.items()
        )
        yield markdown(headings, rows) + "\n"
    if outcomes.scales:
        yield (
            "## scale\n\nWhat the bus (Redis) adds to an update: in the engine, less what it costs "
            "without a bus, and in one web process, from the socket to the handlers. p50 and p99 "
            "are from one process to the other.\n"
        )
        scales = [[f"`{subject}`", *scale_cells(result)] for subject, result in outcomes.scales]
        yield markdown(("subject", *SCALE_HEADINGS), scales) + "\n"
    if outcomes.rolling:
        yield f"## rolling\n\n{ROLLING_ABOUT}\n"
        yield markdown(("", "measured"), rolling_rows(outcomes.rolling)) + "\n"
    yield from (f"- {note}" for note in outcomes.notes)


def _facts() -> Iterator[str]:
    yield machine()
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    yield libraries
    yield f"Node {_output_of('node', '--version') or 'absent'}, {_node_packages()}"
    how = "C" if compiled("floor.c") else "Python: no C compiler here"
    yield f"floor and the reader of the load client in {how}"
    changed = _output_of("git", "--no-optional-locks", "status", "--porcelain", "--", "omcrm")
    commit = _output_of("git", "rev-parse", "--short", "HEAD") or "unknown"
    yield f"commit {commit}{' with changes on top' if changed else ''}"
    yield time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def _node_packages() -> str:
    packages = json.loads(_LOCK.read_text())["packages"]
    names = ("socket.io", "engine.io", "ws")
    return ", ".join(f"{name} {packages[f'node_modules/{name}']['version']}" for name in names)


def _output_of(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
