import pytest

from omcrm.maintenance.finding import Condition, clock_finding


@pytest.mark.parametrize("ahead", [0.0, 1.9, -1.9])
def test_a_clock_may_be_off_a_little(ahead: float) -> None:
    """No network is faster."""
    assert Condition.OK is clock_finding("clock", "the database's", ahead).condition


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (30.04, "this machine's clock is 30.0 s ahead of the database's"),
        (-2.5, "this machine's clock is 2.5 s behind the database's"),
    ],
)
def test_a_clock_that_is_off(ahead: float, text: str) -> None:
    """The direction is said, and how to set it."""
    finding = clock_finding("clock", "the database's", ahead)

    assert (Condition.PROBLEM, text) == (finding.condition, finding.text)
    assert "timedatectl" in finding.advice
