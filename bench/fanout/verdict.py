"""The goals of OMCRM, and whether it reached them: every ratio is of two runs of one session."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.fanout.outcome import Outcomes
from bench.fanout.scenario import OMCRM

Measure = Callable[[Outcomes, str], float | None]

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Criterion:
    """One line of the verdict: `measure` returns a subject's value, `limit` is still good."""

    name: str
    limit: float
    measure: Measure
    unit: str = ""
    at_least: bool = False

    @property
    def goal(self) -> str:
        """The limit in words."""
        return f"{'≥' if self.at_least else '≤'} {self._in_words(self.limit)}"

    def result_of(self, outcomes: Outcomes, subject: str) -> str:
        """The value, and whether it reaches the goal."""
        value = self.measure(outcomes, subject)
        if value is None:
            return NOT_MEASURED
        good = value >= self.limit if self.at_least else value <= self.limit
        return f"{self._in_words(value)} {'reached' if good else 'MISSED'}"

    def _in_words(self, value: float) -> str:
        digits = 0 if value >= 1000 else 1 if value >= 10 else 2
        number = f"{value:,.{digits}f}".replace(",", " ")
        if "." in number:
            number = number.rstrip("0").rstrip(".")
        return f"{number} {self.unit}".strip()


def _ratio(clients: int, other: Callable[[str], str]) -> Measure:
    def measure(outcomes: Outcomes, subject: str) -> float | None:
        ours = outcomes.find("fanout", subject, clients)
        theirs = outcomes.find("fanout", other(subject), clients)
        if not ours or not theirs or not theirs.cpu_us or not ours.updates:
            return None
        return ours.cpu_us / theirs.cpu_us

    return measure


def _stock(subject: str) -> str:
    return subject.replace("omcrm", "stock")


def _fanout_p99(outcomes: Outcomes, subject: str) -> float | None:
    result = outcomes.find("fanout", subject, 10_000)
    return result.p99_ms if result and result.updates and not result.is_collapsed else None


def _watched(name: str) -> Measure:
    def measure(outcomes: Outcomes, subject: str) -> float | None:
        result = outcomes.find("watchlist", subject, variant="all at once")
        return getattr(result, name) if result else None

    return measure


def _mixed(outcomes: Outcomes, subject: str) -> float | None:
    ours, floor = outcomes.find("mixed", subject), outcomes.find("mixed", "floor")
    if not ours or not floor or not floor.cpu_us or not ours.updates:
        return None
    return ours.cpu_us / floor.cpu_us


def _stalled_ratio(outcomes: Outcomes, subject: str) -> float | None:
    without = outcomes.find("stalled", subject, variant="0% never read")
    with_some = outcomes.find("stalled", subject, variant="10% never read")
    if not without or not with_some or not without.p99_ms:
        return None
    return with_some.p99_ms / without.p99_ms


def _stalled_growth(outcomes: Outcomes, subject: str) -> float | None:
    result = outcomes.find("stalled", subject, variant="10% never read")
    return result.memory_end_mb - result.memory_start_mb if result else None


def _idle(outcomes: Outcomes, subject: str) -> float | None:
    result = outcomes.find("idle", subject)
    return result.memory_kb if result else None


def _connecting_ratio(outcomes: Outcomes, subject: str) -> float | None:
    ours = outcomes.find("connect", subject, 5_000)
    theirs = outcomes.find("connect", "node", 5_000)
    if not ours or not theirs or not theirs.connect_ms:
        return None
    return ours.connect_ms / theirs.connect_ms


def _connected_after(clients: int) -> Measure:
    def measure(outcomes: Outcomes, subject: str) -> float | None:
        result = outcomes.find("connect", subject, clients)
        if not result:
            return None
        return result.connect_seconds if result.connected == clients else float("inf")

    return measure


def _storm(clients: int, name: str) -> Measure:
    def measure(outcomes: Outcomes, subject: str) -> float | None:
        result = outcomes.find("storm", subject, clients)
        if not result or not result.storm:
            return None
        return getattr(result.storm, name) if result.storm.is_complete else float("inf")

    return measure


def _ingest(outcomes: Outcomes, subject: str) -> float | None:
    result = outcomes.ingests.get(subject.removeprefix("omcrm-"))
    return result.a_core if result else None


def _quiet(outcomes: Outcomes, subject: str) -> float | None:
    result = outcomes.find("quiet", subject)
    return result.p50_ms if result else None


def _ratios(clients: int) -> list[Criterion]:
    size = f"{clients:,} clients".replace(",", " ")
    return [
        Criterion(f"{size}: CPU per update ÷ floor", 1.5, _ratio(clients, lambda _: "floor")),
        Criterion(f"{size}: CPU per update ÷ Node", 0.65, _ratio(clients, lambda _: "node")),
        Criterion(f"{size}: CPU per update ÷ stock, same server", 0.3, _ratio(clients, _stock)),
    ]


CRITERIA = (
    *_ratios(2_000),
    *_ratios(5_000),
    Criterion("10 000 clients: CPU per update ÷ floor", 1.6, _ratio(10_000, lambda _: "floor")),
    Criterion("10 000 clients: p99", 100, _fanout_p99, "ms"),
    Criterion("watchlist: updates delivered", 160_000, _watched("rate"), "a second", at_least=True),
    Criterion("watchlist: p99", 150, _watched("p99_ms"), "ms"),
    Criterion("mixed: four dialects, CPU per update ÷ floor", 1.6, _mixed),
    Criterion("stalled: p99 of the others ÷ p99 without", 1.2, _stalled_ratio),
    Criterion("stalled: growth of memory", 10, _stalled_growth, "MB"),
    Criterion("idle: memory of a logged-in connection", 64, _idle, "KB"),
    Criterion("connect: CPU per connection ÷ Node", 2, _connecting_ratio),
    Criterion("connect: 5 000 connected", 10, _connected_after(5_000), "s"),
    Criterion("connect: 10 000 connected", 25, _connected_after(10_000), "s"),
    Criterion("storm: 5 000 back", 10, _storm(5_500, "back_seconds"), "s"),
    Criterion("storm: 10 000 back", 25, _storm(10_500, "back_seconds"), "s"),
    Criterion("storm: p99 of the 500 undisturbed", 500, _storm(5_500, "p99_ms"), "ms"),
    Criterion("ingest: ticks on one core", 40_000, _ingest, "a second", at_least=True),
    Criterion("quiet: p50 from tick to client", 3, _quiet, "ms"),
)


def verdict(outcomes: Outcomes) -> list[list[str]]:
    """A row for each criterion: its name, the goal, and the result of each OMCRM."""
    return [
        [
            criterion.name,
            criterion.goal,
            *(criterion.result_of(outcomes, subject) for subject in OMCRM),
        ]
        for criterion in CRITERIA
    ]
