"""What all the runs found, and how to look something up in it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from bench.fanout.ingest import Ingest
from bench.fanout.result import Result


@dataclass(frozen=True)
class Outcome:
    """What one run found; without a result, `note` says why."""

    scenario: str
    subject: str
    clients: int
    variant: str
    result: Result | None
    note: str = ""


@dataclass
class Book:
    """Everything that was measured together."""

    outcomes: list[Outcome] = field(default_factory=list)
    ingests: dict[str, Ingest] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of(self, scenario: str) -> list[Outcome]:
        """The runs of a scenario, in the order they were made."""
        return [outcome for outcome in self.outcomes if outcome.scenario == scenario]

    def typical(self, scenario: str) -> list[Outcome]:
        """One run of each kind: of several, the one whose processor time is the median."""
        kinds: dict[tuple[str, int, str], list[Outcome]] = {}
        for outcome in self.of(scenario):
            kinds.setdefault((outcome.subject, outcome.clients, outcome.variant), []).append(
                outcome
            )
        return [_median(rounds) for rounds in kinds.values()]

    def find(
        self, scenario: str, subject: str, clients: int | None = None, variant: str | None = None
    ) -> Result | None:
        """The result of the typical run of a kind; None where none was made."""
        for outcome in self.typical(scenario):
            fits = clients in (None, outcome.clients) and variant in (None, outcome.variant)
            if outcome.subject == subject and fits:
                return outcome.result
        return None

    def lines(self) -> Iterator[str]:
        """As lines of JSON, which `read` takes."""
        for outcome in self.outcomes:
            yield json.dumps({"outcome": asdict(outcome)})
        for mode, ingest in self.ingests.items():
            yield json.dumps({"ingest": {"mode": mode, **asdict(ingest)}})
        for note in self.notes:
            yield json.dumps({"note": note})

    @classmethod
    def read(cls, lines: Iterator[str]) -> "Book":
        """The book that was written as these lines."""
        book = cls()
        for line in lines:
            entry = json.loads(line)
            if outcome := entry.get("outcome"):
                result = outcome.pop("result")
                found = Result.from_json(json.dumps(result)) if result else None
                book.outcomes.append(Outcome(**outcome, result=found))
            elif ingest := entry.get("ingest"):
                book.ingests[ingest.pop("mode")] = Ingest(**ingest)
            else:
                book.notes.append(entry["note"])
        return book


def _median(rounds: list[Outcome]) -> Outcome:
    measured = [outcome for outcome in rounds if outcome.result]
    if not measured:
        return rounds[0]
    ordered = sorted(measured, key=lambda outcome: outcome.result.cpu_us if outcome.result else 0.0)
    return ordered[(len(ordered) - 1) // 2]
