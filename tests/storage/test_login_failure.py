from datetime import datetime, timedelta

import pytest

from omcrm.extensions import db
from omcrm.storage.login_failure import (
    FailureCount,
    LoginFailure,
    count_failure,
    failures_of,
    forget_failures,
    forget_failures_before,
    take_back_failure,
)

pytestmark = pytest.mark.usefixtures("database")

WHO = "somebody@example.com"


def test_counts_for_any_address_in_any_case(now: datetime) -> None:
    """Failures are counted without regard to whether the account exists."""
    assert count_failure(WHO, failures_of(WHO), now)
    assert count_failure(WHO.upper(), failures_of(WHO), now + timedelta(seconds=1))

    assert FailureCount(2, now + timedelta(seconds=1)) == failures_of(WHO)


def test_address_is_not_kept(now: datetime) -> None:
    """Only a hash of the address is in the table."""
    count_failure(WHO, FailureCount(), now)

    assert 64 == len(db.session.query(LoginFailure).one().key)


def test_one_of_two_at_once_is_told_to_look_again(now: datetime) -> None:
    """Two attempts that saw the same count cannot both take the next place."""
    seen = failures_of(WHO)
    assert count_failure(WHO, seen, now)
    assert not count_failure(WHO, seen, now)

    seen = failures_of(WHO)
    assert count_failure(WHO, seen, now)
    assert not count_failure(WHO, seen, now)

    assert 2 == failures_of(WHO).count


def test_taken_back_attempt_does_not_count(now: datetime) -> None:
    """An attempt that was never judged leaves no mark, and counting goes on after it."""
    count_failure(WHO, failures_of(WHO), now)
    take_back_failure(WHO)

    assert 0 == failures_of(WHO).count
    assert count_failure(WHO, failures_of(WHO), now)
    assert 1 == failures_of(WHO).count


def test_is_forgotten(now: datetime) -> None:
    """A success starts again at none."""
    count_failure(WHO, failures_of(WHO), now)
    forget_failures(WHO)

    assert FailureCount() == failures_of(WHO)


def test_old_failures_are_pruned(now: datetime) -> None:
    """Only addresses with a recent failure are remembered."""
    count_failure("old@example.com", FailureCount(), now)
    count_failure(WHO, FailureCount(), now + timedelta(hours=1))
    forget_failures_before(now + timedelta(minutes=1))

    assert FailureCount() == failures_of("old@example.com")
    assert 1 == failures_of(WHO).count
