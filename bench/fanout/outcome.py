"""The outcomes of all runs, and how to look them up."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from bench.fanout.ingest import IngestResult
from bench.fanout.result import Result
from bench.fanout.rolling import RollingResult
from bench.fanout.scale import ScaleResult


@dataclass(frozen=True)
class RunOutcome:
    """The result of one run; without one, `note` has the reason."""

    scenario: str
    subject: str
    clients: int
    variant: str
    result: Result | None
    note: str = ""


@dataclass
class Outcomes:
    """The outcomes of one session."""

    runs: list[RunOutcome] = field(default_factory=list)
    ingests: dict[str, IngestResult] = field(default_factory=dict)
    scales: list[tuple[str, ScaleResult]] = field(default_factory=list)
    rolling: RollingResult | None = None
    notes: list[str] = field(default_factory=list)

    def of(self, scenario: str) -> list[RunOutcome]:
        """The runs of a scenario, in the order they were made."""
        return [outcome for outcome in self.runs if outcome.scenario == scenario]

    def typical(self, scenario: str) -> list[RunOutcome]:
        """One run of each kind: of several, the one whose processor time is the median."""
        kinds: dict[tuple[str, int, str], list[RunOutcome]] = {}
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
        """As lines of JSON, which `read` reads."""
        for outcome in self.runs:
            yield json.dumps({"outcome": asdict(outcome)})
        for mode, ingest in self.ingests.items():
            yield json.dumps({"ingest": {"mode": mode, **asdict(ingest)}})
        for subject, scale in self.scales:
            yield json.dumps({"scale": {"subject": subject, **asdict(scale)}})
        if self.rolling:
            yield json.dumps({"rolling": asdict(self.rolling)})
        for note in self.notes:
            yield json.dumps({"note": note})

    @classmethod
    def read(cls, lines: Iterator[str]) -> "Outcomes":
        """The outcomes that `lines` wrote."""
        outcomes = cls()
        for line in lines:
            entry = json.loads(line)
            if outcome := entry.get("outcome"):
                result = outcome.pop("result")
                measured = Result.from_json(json.dumps(result)) if result else None
                outcomes.runs.append(RunOutcome(**outcome, result=measured))
            elif ingest := entry.get("ingest"):
                outcomes.ingests[ingest.pop("mode")] = IngestResult(**ingest)
            elif scale := entry.get("scale"):
                outcomes.scales.append((scale.pop("subject"), ScaleResult(**scale)))
            elif rolling := entry.get("rolling"):
                outcomes.rolling = RollingResult(**rolling)
            else:
                outcomes.notes.append(entry["note"])
        return outcomes


def _median(rounds: list[RunOutcome]) -> RunOutcome:
    measured = [outcome for outcome in rounds if outcome.result]
    if not measured:
        return rounds[0]
    ordered = sorted(measured, key=lambda outcome: outcome.result.cpu_us if outcome.result else 0.0)
    return ordered[(len(ordered) - 1) // 2]
