from datetime import date

from tests.feeds.past_days import FIRST, LAST, past


def test_both_ends_are_asked_for() -> None:
    """Every day from the first to the last, and nothing besides."""
    asked = past("binance")

    assert [FIRST, LAST] == list(asked.days())
    assert asked.holds(FIRST)
    assert asked.holds(LAST)
    assert not asked.holds(date(2026, 1, 3))
    assert not asked.holds(date(2026, 1, 6))
