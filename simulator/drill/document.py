"""The document of a run of drills."""

from collections import Counter
from collections.abc import Iterable

from simulator.drill.fault import FAULTS
from simulator.drill.run import DrillOutcome
from simulator.drill.violation import ViolationKind

HEADINGS = (
    *("provider", "erring", "fault", "detected", "taken over", "symbols", "wrong", "unknowable"),
    *("reconnects", "recovered"),
)

_ABOUT = """\
# Drills

Written by `make drill`: {count} of {all} drills, {parallel} at a time. Each fault is played against
the built-in exchange for {seconds:.0f} s, with the real clients and the default policy, at every
streamed source and at two over HTTP. *Erring* `1 of 2` are drills with two streams of each symbol,
of which one fails; without it there are all sources that the policy prefers less, too.

Seconds count from the fault's beginning, those of *recovered* from its end (a source becomes active
again only after it was good for 10 s). *Detected* is the first change of the feed's state or
problem, of a source or class, a rejected tick or a divergence. *Taken over* is `never` where two
sources contradict each other and no third one decides: then neither is live. *Symbols* counts those
that were not live from this provider for a moment.

The market swings while streams are drilled: coins and shares rise by 0.25 % a second for a minute
and then fall, currencies by 0.05 %, so that an old price is another one. Shares with rare round
lots are not always live in such a market. Twenty times a second every price that is shown is
compared with the market of the last moments: its trades, and its best bid and ask. *Wrong* counts
what was shown against evidence in reach, and must be 0:

- `age`: live, but older than the policy's maximum age and 1.5 s by the market's prices, older than
  the maximum age by its own record, or longer than that on its way; or indicative and of more than
  five days ago;
- `channel`: the same, while another channel of the source goes on;
- `source`: live for more than 2 s while further from the market than live sources may be apart and
  1 %, where at least as many honest streams have a fresh price of now as err;
- `closed`: called the close of a market that is open, or not fresh at the close.

*Unknowable* are the seconds, added up over all symbols, with wrong prices that nothing in reach
contradicts: the only source that has one of now, or most of them, err alike. No program can know
that; these drills are played to show what happens then. A price that is off by less than live
sources may be apart is not
counted: it is live, with a divergence where that is unusual. *Reconnects* are those of the failing
sources during the fault. None may be connected more than once for a fault that does not end or
silence its connections, and no other source at all more often; where it is, the fault is named
below as a loop. At a polled source time passes 30 times as fast: {seconds:.0f} s are {minutes:.0f}
minutes of the market's, and so are the times.

```
python manage.py drill mute --provider binance --seconds 40
python manage.py drill frozen --provider binance --streams 3 --erring 2
make drill
```
"""


def cells(outcome: DrillOutcome) -> tuple[str, ...]:
    """The cells of a drill's row."""
    return (
        outcome.world.provider,
        str(outcome.world),
        outcome.fault,
        _seconds(outcome.detected),
        _seconds(outcome.taken_over) if outcome.moves else "not needed",
        str(outcome.symbols),
        str(len(outcome.wrong)),
        f"{outcome.unknowable:.0f} s" if outcome.unknowable else "",
        str(outcome.reconnects),
        _seconds(outcome.recovered),
    )


def document(
    outcomes: list[DrillOutcome],
    seconds: float,
    count: int,
    parallel: int = 1,
    not_played: Iterable[str] = (),
) -> str:
    """The whole document; `count` is how many drills were meant to be, of which so many at a time.

    `not_played` says which could not begin, and why.
    """
    about = _ABOUT.format(
        seconds=seconds, minutes=seconds / 2, count=len(outcomes), all=count, parallel=parallel
    )
    loops = [
        f"{name} in {outcome.fault} at {outcome.world.provider}"
        for outcome in outcomes
        for name in outcome.loops
    ]
    lines = [
        about,
        *_table(("violation", "number"), _kinds(outcomes)),
        "",
        f"Loops of connections: {', '.join(loops) or 'none'}.",
        f"Drills that could not begin: {'; '.join(not_played) or 'none'}.",
        "",
        *_table(HEADINGS, map(cells, outcomes)),
        "",
        *_table(("fault", "what is played"), ((f"`{n}`", f.about) for n, f in FAULTS.items())),
        "",
    ]
    return "\n".join(lines)


def _kinds(outcomes: list[DrillOutcome]) -> Iterable[tuple[str, str]]:
    counts = Counter(wrong.kind for outcome in outcomes for wrong in outcome.wrong)
    return ((f"`{kind}`", str(counts[kind])) for kind in ViolationKind)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    headings = tuple(headings)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}", *lines]


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
