from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask

from omcrm.auth.delay import FORGOTTEN_AFTER, claim_attempt, seconds_left, wait_after
from omcrm.extensions import db
from omcrm.storage.login_failure import FailureCount, LoginFailure, failures_of

WHO = "nobody@example.com"


def test_delay_grows_up_to_five_minutes() -> None:
    """Three failures are free, then each doubles the wait until it is five minutes."""
    waits = [wait_after(failures) for failures in range(14)]

    assert [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] == waits
    assert 300 == wait_after(1_000_000)


@pytest.mark.parametrize(
    ("passed", "left"), [(0.0, 4), (0.5, 4), (3.2, 1), (4.0, 0), (9.0, 0), (-3600.0, 300)]
)
def test_what_is_left_of_it(now: datetime, passed: float, left: int) -> None:
    """The wait is counted from the latest failure; a clock set back cannot lock anybody out."""
    seen = FailureCount(5, now)

    assert left == seconds_left(seen, now + timedelta(seconds=passed))


def test_attempts_during_the_wait_do_not_prolong_it(app: Flask, now: datetime) -> None:
    """Each free attempt counts, a refused one does not."""
    with app.app_context():
        waits = [claim_attempt(WHO, now) for _ in range(5)]

        assert [0, 0, 0, 1, 1] == waits
        assert FailureCount(3, now) == failures_of(WHO)
        assert 0 == claim_attempt(WHO, now + timedelta(seconds=1))
        assert 2 == claim_attempt(WHO, now + timedelta(seconds=1))


def test_many_at_once_do_not_slip_through(app: Flask, now: datetime) -> None:
    """Of many attempts at the same moment only the free ones get through."""

    def attempt(_: int) -> int:
        with app.app_context():
            return claim_attempt(WHO, now)

    with ThreadPoolExecutor(10) as pool:
        waits = list(pool.map(attempt, range(30)))

    assert [0] * 3 + [1] * 27 == sorted(waits)


def test_survives_a_restart(app: Flask, now: datetime) -> None:
    """The count is in the database, not in the process."""
    with app.app_context():
        for _ in range(3):
            claim_attempt(WHO, now)
    with app.app_context():
        assert 1 == claim_attempt(WHO, now)


def test_a_day_without_failures_is_forgiven(app: Flask, now: datetime) -> None:
    """Old failures count no more, and leave the table."""
    with app.app_context():
        for _ in range(3):
            claim_attempt(WHO, now)
        claim_attempt("other@example.com", now)
        later = now + FORGOTTEN_AFTER + timedelta(seconds=1)

        assert [0, 0, 0, 1] == [claim_attempt(WHO, later) for _ in range(4)]
        assert 1 == db.session.query(LoginFailure).count()
