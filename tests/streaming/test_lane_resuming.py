"""Who lacks which price when it comes back."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.streaming.course import NOON, SYMBOLS, WINDOW, Course, price, same_price

# Resuming


def test_nothing_is_missing_where_nothing_changed(course: Course) -> None:
    """What was told long before the client's last number is not told again."""
    course.tell(NOON, price(1), price(2, "ETH"))
    course.tell(NOON + 1, price(3, "SOL"))

    assert {"SOL"} == course.lacking(3)


def test_what_changed_is_missing_whether_it_was_told_or_waits(course: Course) -> None:
    """It makes no difference how far it got."""
    course.tell(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    course.tell(NOON + 1, price(4))
    course.tell(NOON + 2, price(5))
    course.note(NOON + 2, price(6, "ETH"))

    assert {"BTC", "ETH"} == course.lacking(4)


def test_a_lower_number_told_later_is_missing(calm: Course) -> None:
    """One may have waited for a second while others with higher numbers left."""
    calm.tell(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    calm.note(NOON + 0.1, price(90, "ETH"))
    calm.tell(NOON + 0.5, price(100, number="2"))

    assert "ETH" in calm.lacking(100)
    assert [90] == calm.flush(NOON + 1)
    assert "ETH" in calm.lacking(100)


def test_a_lower_number_told_later_does_not_hide_a_higher_one(calm: Course) -> None:
    """What was told last is not the highest number that was told."""
    calm.tell(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    calm.tell(NOON + 0.7, price(80, "SOL", "2"))
    calm.note(NOON + 0.8, price(90, "ETH"))
    calm.tell(NOON + 0.9, price(100, number="2"))
    calm.flush(NOON + 1)

    assert "ETH" in calm.lacking(100)


def test_what_came_late_while_nobody_watched_is_missing(course: Course) -> None:
    """A number below the client's that a slower thread brought after the client was gone."""
    course.tell(NOON, price(1), price(2, "ETH"), price(3, "SOL"))
    course.tell(NOON + 1, price(100))
    course.tier.place(course.viewer, frozenset())
    course.note(NOON + 1, price(99, "ETH"))

    assert {"BTC", "ETH"} == course.lacking(100)


def test_beyond_what_is_remembered_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was away for too long, or was never here, is shown everything."""
    monkeypatch.setattr("omcrm.streaming.rate_tier._RECORDS", 8)
    course = Course()
    for number in range(1, 21):
        course.tell(NOON + number, price(number))

    assert None is course.lacking(0)
    assert None is course.lacking(13)
    assert {"BTC"} == course.lacking(14)
    assert {"BTC"} == course.lacking(20)


def test_what_is_remembered_spans_a_quarter_of_an_hour(course: Course) -> None:
    """However busy it is, the past is noted four times a second at most."""
    for number in range(1, 17 * 60 * 10):
        course.tell(NOON + number / 10, price(number))

    assert None is not course.lacking(2 * 60 * 10)


class Crowd:
    """Clients that were shown all when they came, hear each flush, and may be lost after any."""

    def __init__(self, course: Course) -> None:
        self._course = course
        # What each has, with its highest number.
        self._here: list[tuple[dict[str, int], int]] = []
        self.lost: list[tuple[dict[str, int], int]] = []

    def join(self, top: int) -> None:
        self._here.append(({quote.symbol: quote.seq for quote in self._course.known.values()}, top))

    def flush(self, now: float) -> None:
        before = len(self._course.told)
        self._course.flush(now)
        told = {symbol: seq for _, symbol, seq in self._course.told[before:]}
        self._here = [({**has, **told}, max(top, *told.values())) for has, top in self._here]
        self.lost += self._here


# A change or a newcomer: after so many halves of a window, of which symbol, at which price.
steps = st.tuples(
    st.integers(0, 5), st.sampled_from(SYMBOLS), st.sampled_from(["1", "1", "2", None])
)


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(st.lists(steps, min_size=20, max_size=60), st.booleans())
def test_whoever_comes_back_lacks_nothing_that_is_not_named(
    history: Sequence[tuple[int, str, str | None]], overtaking: bool
) -> None:
    """At whichever moment the connection was lost: what a client does not have is sent to it.

    Of two threads that overtake each other the second brings the lower number.
    """
    course, now, top = Course(same_price), NOON, 0
    crowd = Crowd(course)
    for place, (pause, symbol, number) in enumerate(history, 2):
        now += pause * WINDOW / 2
        while (due := course.tier.next_flush(now - WINDOW)) <= now:
            crowd.flush(max(due, now - WINDOW))
        seq = place ^ 1 if overtaking else place
        if number is None:
            crowd.join(top)
        elif symbol not in course.known or course.known[symbol].seq < seq:
            course.note(now, price(seq, symbol, number))
            top = max(top, seq)

    for has, highest in crowd.lost:
        lacks = {item for item, newest in course.known.items() if newest.seq != has.get(item)}
        named = course.lacking(highest)

        assert named is None or lacks <= named, f"who has {has} and was told {highest}"
