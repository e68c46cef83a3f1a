"""What OMCRM is to reach, and whether it did: every ratio is of two runs of the same session."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.fanout.outcome import Book
from bench.fanout.scenario import OMCRM

Measure = Callable[[Book, str], float | None]

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Criterion:
    """One line of the verdict: `measure` gives a subject's value, `limit` is still good."""

    what: str
    limit: float
    measure: Measure
    unit: str = ""
    at_least: bool = False

    @property
    def goal(self) -> str:
        """The limit in words."""
        return f"{'≥' if self.at_least else '≤'} {self._said(self.limit)}"

    def judge(self, book: Book, subject: str) -> str:
        """The value and whether it is good."""
        value = self.measure(book, subject)
        if value is None:
            return NOT_MEASURED
        good = value >= self.limit if self.at_least else value <= self.limit
        return f"{self._said(value)} {'reached' if good else 'MISSED'}"

    def _said(self, value: float) -> str:
        digits = 0 if value >= 1000 else 1 if value >= 10 else 2
        number = f"{value:,.{digits}f}".replace(",", " ")
        if "." in number:
            number = number.rstrip("0").rstrip(".")
        return f"{number} {self.unit}".strip()


def _ratio(clients: int, other: Callable[[str], str]) -> Measure:
    def measure(book: Book, subject: str) -> float | None:
        ours = book.find("fanout", subject, clients)
        theirs = book.find("fanout", other(subject), clients)
        if not ours or not theirs or not theirs.cpu_us or not ours.updates:
            return None
        return ours.cpu_us / theirs.cpu_us

    return measure


def _stock(subject: str) -> str:
    return subject.replace("omcrm", "stock")


def _fanout_p99(book: Book, subject: str) -> float | None:
    found = book.find("fanout", subject, 10_000)
    return found.p99_ms if found and found.updates and not found.is_collapsed else None


def _watched(name: str) -> Measure:
    def measure(book: Book, subject: str) -> float | None:
        found = book.find("watchlist", subject, variant="all in one beat")
        return getattr(found, name) if found else None

    return measure


def _mixed(book: Book, subject: str) -> float | None:
    ours, floor = book.find("mixed", subject), book.find("mixed", "floor")
    if not ours or not floor or not floor.cpu_us or not ours.updates:
        return None
    return ours.cpu_us / floor.cpu_us


def _stalled_ratio(book: Book, subject: str) -> float | None:
    without = book.find("stalled", subject, variant="0% never read")
    with_some = book.find("stalled", subject, variant="10% never read")
    if not without or not with_some or not without.p99_ms:
        return None
    return with_some.p99_ms / without.p99_ms


def _stalled_growth(book: Book, subject: str) -> float | None:
    found = book.find("stalled", subject, variant="10% never read")
    return found.memory_end_mb - found.memory_start_mb if found else None


def _idle(book: Book, subject: str) -> float | None:
    found = book.find("idle", subject)
    return found.memory_kb if found else None


def _storm(name: str) -> Measure:
    def measure(book: Book, subject: str) -> float | None:
        found = book.find("storm", subject)
        if not found or not found.storm:
            return None
        return getattr(found.storm, name) if found.storm.is_complete else float("inf")

    return measure


def _ingest(book: Book, subject: str) -> float | None:
    found = book.ingests.get(subject.removeprefix("omcrm-"))
    return found.a_core if found else None


def _quiet(book: Book, subject: str) -> float | None:
    found = book.find("quiet", subject)
    return found.p50_ms if found else None


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
    Criterion("storm: 5 000 back", 30, _storm("back_seconds"), "s"),
    Criterion("storm: p99 of the 500 undisturbed", 500, _storm("p99_ms"), "ms"),
    Criterion("ingest: ticks on one core", 40_000, _ingest, "a second", at_least=True),
    Criterion("quiet: p50 from tick to client", 3, _quiet, "ms"),
)


def verdict(book: Book) -> list[list[str]]:
    """A row for each criterion: what, the goal, and how each OMCRM did."""
    return [
        [criterion.what, criterion.goal, *(criterion.judge(book, subject) for subject in OMCRM)]
        for criterion in CRITERIA
    ]
