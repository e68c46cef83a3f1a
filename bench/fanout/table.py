"""The results as rows: the same columns on the terminal and in the document."""

from collections.abc import Callable, Iterable, Sequence

from bench.fanout.outcome import RunOutcome
from bench.fanout.result import Result
from bench.fanout.rolling import SILENCE_GOAL, RollingResult
from bench.fanout.scale import ScaleResult

Column = tuple[str, Callable[[Result], str]]

COLUMNS: tuple[Column, ...] = (
    ("updates/s", lambda result: _thousands(result.rate) if result.updates else "–"),
    ("delivered", lambda result: f"{result.share:.1%}" if result.updates else "–"),
    ("µs/update", lambda result: f"{result.cpu_us:.1f}" if result.updates else "–"),
    ("server", lambda result: f"{result.server_cpu:.0%}"),
    ("p50 ms", lambda result: f"{result.p50_ms:.1f}" if result.updates else "–"),
    ("p99 ms", lambda result: f"{result.p99_ms:.1f}" if result.updates else "–"),
    ("max ms", lambda result: f"{result.max_ms:.0f}" if result.updates else "–"),
    ("KB/conn", lambda result: f"{result.memory_kb:.1f}"),
    ("ms/conn", lambda result: f"{result.connect_ms:.2f}" if result.connect_cpu else "–"),
    ("connected", lambda result: f"{result.connect_seconds:.1f} s"),
    ("lost", lambda result: str(result.lost + result.stalled_lost)),
    ("client", lambda result: f"{result.client_cpu:.0%}"),
    ("others", lambda result: f"{result.other_cpu:.0%}"),
)
HEADINGS = ("subject", "clients", *(heading for heading, _ in COLUMNS), "")


def cells(outcome: RunOutcome) -> list[str]:
    """One row."""
    first = [outcome.subject, _thousands(outcome.clients)]
    result = outcome.result
    if result is None:
        return [*first, *("–" for _ in COLUMNS), outcome.note]
    return [*first, *(text_of(result) for _, text_of in COLUMNS), remark(outcome)]


def remark(outcome: RunOutcome) -> str:
    """The last cell: the variant, and everything unusual about a run."""
    result, remarks = outcome.result, [outcome.variant, outcome.note]
    if result is None:
        return outcome.note
    if result.connected < result.clients:
        remarks.append(f"COLLAPSED: {result.connected} connected")
    elif result.is_collapsed:
        remarks.append("COLLAPSED")
    if result.regressions:
        remarks.append(f"{result.regressions} out of order")
    if result.stalled:
        growth = result.memory_end_mb - result.memory_start_mb
        remarks.append(f"{growth:+.1f} MB in {result.seconds:.0f} s")
    if storm := result.storm:
        back = f"back in {storm.back_seconds:.1f} s" if storm.is_complete else "NOT all back"
        remarks.append(f"{storm.pages} {back}, the {storm.bystanders} p99 {storm.p99_ms:.0f} ms")
    if result.suspicion:
        remarks.append(f"DOUBTFUL: {result.suspicion}")
    return "; ".join(text for text in remarks if text)


SCALE_HEADINGS = (
    "symbols", "updates/s", "engine µs/update", "engine core", "web µs/update", "web core",
    "p50 ms", "p99 ms",
)  # fmt: skip


def scale_cells(result: ScaleResult, rate: int = 10) -> list[str]:
    """A row of the scenario `scale`, without its subject."""
    return [
        str(result.symbols),
        _thousands(result.symbols * rate),
        f"{result.engine_us:.2f}",
        f"{result.engine_core:.2%}",
        f"{result.web_us:.2f}",
        f"{result.web_core:.2%}",
        f"{result.p50_ms:.1f}",
        f"{result.p99_ms:.1f}",
    ]


ROLLING_ABOUT = """Two web processes (gunicorn, eventlet) behind nginx, an engine, PostgreSQL and
Redis. Pages with a login each watch BTC, which changes twice a second; one in twenty polls, and all
come back by themselves as pages in browsers do. Each process gets TERM and is started anew at once;
the second one ten seconds after the first was ready. Silence is the time in which a page receives
no live price. Meanwhile pages are loaded by way of nginx, one after the other."""


def rolling_rows(result: RollingResult) -> list[tuple[str, str]]:
    """What was measured, and each figure, with the verdict."""
    verdict = f"goal ≤ {SILENCE_GOAL:g} s: {_verdict(result.longest <= SILENCE_GOAL)}"
    return [
        ("pages, of them polling", f"{result.clients}, {result.polling}"),
        ("longest silence of a page", f"{result.longest:.1f} s ({verdict})"),
        ("its median and 99th percentile", f"{result.p50:.1f} s, {result.p99:.1f} s"),
        ("longest silence before", f"{result.undisturbed:.1f} s"),
        ("had to log in again", f"{result.logged_out} (goal 0: {_verdict(not result.logged_out)})"),
        ("connections that ended", _counts(result.ended)),
        ("attempts to connect that failed", _counts(result.failed)),
        ("seconds from TERM to the end", _seconds(result.stopped_in)),
        ("seconds from the start to ready", _seconds(result.ready_in)),
        ("page loads, of them failed", f"{result.loads}, {_counts(result.loads_failed)}"),
        ("slowest page load", f"{result.slowest_load:.1f} s"),
        ("load of the machine before", f"{result.load_average:.1f}"),
    ]


def _verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "MISSED"


def _counts(counts: dict[str, int]) -> str:
    return "; ".join(f"{count} × {what}" for what, count in counts.items()) or "0"


def _seconds(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def plain_row(row: Sequence[str]) -> str:
    """A row for the terminal."""
    widths = (15, 7, *(max(len(heading), 7) for heading, _ in COLUMNS))
    subject, *figures = row[:-1]
    padded = [subject.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True)]
    return f"{' '.join(padded)}  {row[-1]}".rstrip()


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for the document; all but the first column to the right."""
    lines = [headings, ["---", *("---:" for _ in headings[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _thousands(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")
