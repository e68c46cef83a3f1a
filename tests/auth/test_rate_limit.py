import pytest
from flask import Flask
from limits import RateLimitItemPerMinute

from omcrm.auth.rate_limit import UserRateLimit

TWO = UserRateLimit("tries", RateLimitItemPerMinute(2))


@pytest.fixture(autouse=True)
def within(app: Flask) -> None:
    """Counting needs the app's rate limiter, and nothing else of the app."""


def test_so_many_are_allowed_and_then_one_waits() -> None:
    """The first one beyond the limit gets the seconds to wait."""
    spent = [TWO.spend("a") for _ in range(3)]

    assert [0, 0] == spent[:2]
    assert 1 <= spent[2] <= 61


def test_checking_does_not_count() -> None:
    """`wait` does not use up an attempt."""
    waits = [TWO.wait("a") for _ in range(5)]

    assert [0] * 5 == waits


def test_each_key_and_action_has_its_own_count() -> None:
    """Another key does not count, nor does another action."""
    for _ in range(3):
        TWO.spend("a")

    assert 0 < TWO.wait("a")
    assert 0 == TWO.wait("b")
    assert 0 == UserRateLimit("other tries", TWO.limit).wait("a")
