import pytest

from omcrm.feeds.poll_results import PollResults, is_lasting
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem

NONE = FeedProblem(FeedCode.NO_PRICE, FeedFigures(detail="A"))
REFUSED = FeedProblem(FeedCode.REQUEST_REJECTED, FeedFigures(status=403, detail="no"))


@pytest.mark.parametrize(
    ("since", "wait", "expected"), [(0.0, 60.0, False), (0.0, 60.1, True), (-30.0, 30.1, True)]
)
def test_a_failure_lasts_if_it_will_be_more_than_a_minute_long(
    since: float, wait: float, expected: bool
) -> None:
    """At the next call: one failed call that is soon repeated is none."""
    assert expected is is_lasting(since, 0.0, wait)


def test_a_symbol_is_unserved_once_it_lacks_a_price_for_a_minute() -> None:
    """Until it has one; a symbol that is not followed any more is forgotten."""
    results = PollResults()
    results.note_prices(["A", "B"])
    results.note_missing("A", NONE, 0.0, 60.0)
    results.note_missing("B", REFUSED, 0.0, 300.0)
    at_first = results.unserved
    results.note_missing("A", NONE, 60.0, 60.0)

    assert {"B"} == at_first
    assert {"A", "B"} == results.unserved
    results.note_prices(["A"])

    assert {"B"} == results.unserved
    assert (True, False) == (results.has_price("A"), results.has_price("B"))
    assert (None, REFUSED) == (results.problem(["A"]), results.problem(["A", "B"]))
    results.keep({"A"})

    assert (frozenset(), None) == (results.unserved, results.problem(["B"]))


def test_only_another_problem_is_a_new_one() -> None:
    """So that each is logged once."""
    results = PollResults()

    assert results.note_missing("A", NONE, 0.0, 1.0)
    assert not results.note_missing("A", NONE, 1.0, 1.0)
    assert results.note_missing("A", REFUSED, 2.0, 1.0)
