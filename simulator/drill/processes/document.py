"""The document of the drills of several processes."""

from collections.abc import Iterable, Mapping

from simulator.drill.processes.process_drill import ProcessOutcome
from simulator.drill.processes.process_fault import PROCESS_FAULTS

HEADINGS = (
    *("fault", "wrong", "events", "refused", "lost", "doubled"),
    *("silence at web 1", "at web 2", "in calm", "recovered", "load", "more"),
)

_ABOUT = """\
# Drills of several processes

Written by `make drill-processes`. Each fault is played in an installation of its own on one
machine: the built-in exchange with a market that swings (coins rise by 0.25 % a second for a minute
and then fall), Redis, PostgreSQL, two engines of which one stands by, two web processes with
`OMCRM_ENGINE=off`. Every process has its own way to Redis, which can be shut without refusing
anything, and its own wall clock. The full disk is a small one of its own (tmpfs) for the database,
the logs and the state files, which needs root; processes that end there, PostgreSQL too, are
started again within a second, as a service manager does it.

Eight accounts watch BTC, ETH and SOL at each web process, over the raw WebSocket; a client whose
connection ends tries the other web process, as behind a balancer. Two writers make and revoke API
tokens, two requests a second each: each of them is an event of its account, and nothing is tried
twice. Ten seconds of calm come before the fault.

- *wrong*: ten times a second every price that is shown is compared with the market of the last
  moments. It is wrong if it is live and the market has left it longer ago than its maximum age and
  1.5 s. A client without a connection shows no price.
- *events* were confirmed by an answer, *refused* were answered otherwise (status) or
  not at all (error); they may have been written, and that is no loss.
- *lost*: confirmed, but not in the database; or in the database, but never at one of the clients,
  which come back with the number of their last event. *doubled*: more than once in the database
  (events of the feeds, too), or more than once or out of order at a client.
- *silence*: the longest time without a live price of any of the three, among the clients of each
  web process, from the fault on; *in calm* the same before it.
- *recovered*: from the end of the fault until every client has a new live price, both writers are
  confirmed, one engine leads and the other one stands by, and both web processes are ready. Nobody
  does anything by hand; what was killed is started again, as a service manager does it. So this
  contains the start of a process where one was killed shortly before.
- *load*: of the machine of two cores, when it ended. It did other work meanwhile: the times are
  upper bounds.

```
python manage.py drill-processes bus-hung
python manage.py drill-processes bus-hung --write docs/drills-processes.md   # replaces its row
make drill-processes
```
"""


def cells(outcome: ProcessOutcome) -> tuple[str, ...]:
    """The cells of a drill's row."""
    return (
        outcome.fault,
        f"{len(outcome.wrong)} of {outcome.checked}",
        str(outcome.confirmed),
        _refused(outcome),
        str(outcome.lost),
        str(outcome.doubled),
        *(f"{seconds:.1f} s" for seconds in (*outcome.silences, outcome.calm)),
        "never" if outcome.recovered is None else f"{outcome.recovered:.1f} s",
        f"{outcome.load:.0f}",
        outcome.crowd,
    )


def _refused(outcome: ProcessOutcome) -> str:
    kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(outcome.refused.items()))
    return kinds or "0"


def rows_of(text: str) -> dict[str, str]:
    """The rows of a document's drills, by their faults."""
    lines = [line.split(" | ") for line in text.splitlines()]
    return {
        cells[0].removeprefix("| "): " | ".join(cells)
        for cells in lines
        if len(cells) == len(HEADINGS) and cells[0].removeprefix("| ") in PROCESS_FAULTS
    }


def document(outcomes: Iterable[ProcessOutcome], before: Mapping[str, str]) -> str:
    """The whole document, with the rows `before` of faults that were not played now."""
    rows = {**before, **{outcome.fault: _row(cells(outcome)) for outcome in outcomes}}
    not_played = [f"`{name}`" for name in PROCESS_FAULTS if name not in rows]
    lines = [
        _ABOUT,
        *_headings(*HEADINGS),
        *(rows[name] for name in PROCESS_FAULTS if name in rows),
        "",
        f"Not played: {', '.join(not_played) or 'none'}.",
        "",
        *_headings("fault", "what is played"),
        *(_row((f"`{name}`", fault.about)) for name, fault in PROCESS_FAULTS.items()),
        "",
    ]
    return "\n".join(lines)


def _headings(*headings: str) -> list[str]:
    return [_row(headings), f"|{' --- |' * len(headings)}"]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
