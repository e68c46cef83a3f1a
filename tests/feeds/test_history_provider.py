from datetime import date

from tests.feeds.samples import FIRST, LAST, history_request


def test_both_ends_are_asked_for() -> None:
    """Every day from the first to the last, and no other."""
    asked = history_request("btcusdt")

    assert [FIRST, LAST] == list(asked.days())
    assert asked.holds(FIRST)
    assert asked.holds(LAST)
    assert not asked.holds(date(2026, 1, 3))
    assert not asked.holds(date(2026, 1, 6))
