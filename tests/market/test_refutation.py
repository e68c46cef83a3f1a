from decimal import Decimal

from omcrm.market.comparison import Dispute, DisputeRule
from omcrm.market.instrument import AssetClass
from omcrm.market.refutation import Refutations
from tests.market.whole_market import POLICIES
from tests.values import after

BOTH = frozenset({"a", "b"})
UNDECIDED = Dispute(BOTH, DisputeRule.UNDECIDED, (("a", Decimal(1)), ("b", Decimal(2))))
POLICY = POLICIES[AssetClass.CRYPTO]


class Course:
    """A course of disputes between two sources, from one moment to the next."""

    def __init__(self) -> None:
        self.refutations = Refutations()
        self.dispute: Dispute | None = None
        self.second = 0.0

    def contradict(self, seconds: float) -> None:
        """Both contradict each other now, and so many seconds later."""
        for _ in range(2):
            self._take(UNDECIDED, "a", "b")
            self.second += seconds
        self.second -= seconds

    def lasts(self, *live: str, most: float = 1000.0, **wrong: float) -> float:
        """For how many seconds `a` is still not believed where these are live and agree, and these
        are wrong by themselves since a second."""
        began = self.second
        while self.second - began < most:
            self._take(None, *live, **wrong)
            if self.dispute is None or "a" not in self.dispute.contradicted:
                break
            self.second += 0.5
        return self.second - began

    def _take(self, present: Dispute | None, *live: str, **wrong: float) -> None:
        since = {name: after(second) for name, second in wrong.items()}
        self.dispute = self.refutations.lasting(
            present, self.dispute, live, since, POLICY, after(self.second)
        )


def test_sources_that_agree_again_are_believed_at_once() -> None:
    """The first dispute ends with the tick that ends it."""
    course = Course()
    course.contradict(5)

    assert 0 == course.lasts("a", "b")
    assert course.refutations.by_agreement


def test_who_contradicts_again_and_again_has_to_agree_for_longer_each_time() -> None:
    """Up to five minutes; after ten minutes without a dispute all is forgiven."""
    course, settling = Course(), []
    for _ in range(13):
        course.contradict(1)
        settling.append(course.lasts("a", "b"))
        course.second += 5
    course.second += 600
    course.contradict(1)

    assert [0, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] == settling
    assert 0 == course.lasts("a", "b")


def test_a_source_is_not_believed_because_the_other_one_has_left() -> None:
    """It is after as long as they contradicted each other, ten seconds at least."""
    holds = []
    for seconds in (1, 25, 1000):
        course = Course()
        course.contradict(seconds)
        holds.append(course.lasts("a"))

    assert [10, 25, 300] == holds
    assert not course.refutations.by_agreement


def test_what_is_left_again_waits_for_twice_as_long() -> None:
    """Each time that a source is believed without anybody to agree with, and contradicted again."""
    course, holds = Course(), []
    for _ in range(7):
        course.contradict(0.5)
        holds.append(course.lasts("a"))
        course.second += 60

    assert [10, 20.5, 41.5, 83.5, 167.5, 300, 300] == holds


def test_the_time_without_the_other_one_counts_where_that_one_returns() -> None:
    """Who is cut again and again keeps its word."""
    course = Course()
    for _ in range(5):
        course.contradict(1)
        course.lasts("a", most=8)

    assert 37 == 8 + course.lasts("a")


def test_what_was_left_by_a_source_that_is_wrong_by_itself_is_believed() -> None:
    """Its own book has contradicted the other one since the dispute began, not only of late."""
    course = Course()
    course.contradict(20)

    assert 1 == course.lasts("a", most=1, b=1.1)
    assert 0 == course.lasts("a", b=1)


def test_the_dispute_that_goes_on_keeps_its_rule_and_prices() -> None:
    """It tells what was last compared."""
    course = Course()
    course.contradict(2)
    course.second += 3
    course.lasts("a", most=1)

    assert UNDECIDED == course.dispute
