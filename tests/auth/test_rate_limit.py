import pytest
from flask import Flask
from limits import RateLimitItemPerMinute

from omcrm.auth.rate_limit import UserRateLimit

TWO = UserRateLimit("tries", RateLimitItemPerMinute(2))


@pytest.fixture(autouse=True)
def within(app: Flask) -> None:
    """Counting needs the app's counter, and nothing else of it."""


def test_so_many_are_allowed_and_then_one_waits() -> None:
    """The first that is too many is told how long."""
    spent = [TWO.spend("a") for _ in range(3)]

    assert [0, 0] == spent[:2]
    assert 1 <= spent[2] <= 61


def test_looking_costs_nothing() -> None:
    """Asking whether one more is allowed does not use it up."""
    waits = [TWO.wait("a") for _ in range(5)]

    assert [0] * 5 == waits


def test_each_has_an_own_count() -> None:
    """Neither another who does it nor another thing that is done counts."""
    for _ in range(3):
        TWO.spend("a")

    assert 0 < TWO.wait("a")
    assert 0 == TWO.wait("b")
    assert 0 == UserRateLimit("other tries", TWO.limit).wait("a")
