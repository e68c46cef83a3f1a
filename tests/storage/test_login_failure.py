from datetime import datetime, timedelta

import pytest

from omcrm.extensions import db
from omcrm.storage.login_failure import (
    ALL_ORIGINS,
    Failures,
    LoginFailure,
    failures_of,
    forget,
    forget_all,
    forget_before,
    take_back,
    write,
)

pytestmark = pytest.mark.usefixtures("database")

WHO = "somebody@example.com"
HERE, THERE = "network 192.0.2.1", "network 192.0.2.2"


def count(now: datetime, email: str = WHO, origin: str = HERE) -> bool:
    """Add one failure."""
    [before] = failures_of(email, origin)
    return write(email, {origin: (before, Failures(before.count + 1, now))})


def test_counts_for_any_email_in_any_case(now: datetime) -> None:
    """Failures are counted without regard to whether the account exists."""
    assert count(now)
    assert count(now + timedelta(seconds=1), WHO.upper())

    assert [Failures(2, now + timedelta(seconds=1))] == failures_of(WHO, HERE)


def test_origins_are_counted_apart(now: datetime) -> None:
    """Failures of one network do not count for another, nor for another e-mail."""
    count(now)
    count(now, origin=THERE)
    count(now, origin=THERE)

    expected = [Failures(1, now), Failures(2, now), Failures()]
    assert expected == failures_of(WHO, HERE, THERE, ALL_ORIGINS)
    assert [Failures()] == failures_of("other@example.com", HERE)


def test_neither_email_nor_network_is_stored(now: datetime) -> None:
    """Only hashes are in the table, and two e-mails of one network do not share one."""
    count(now)
    count(now, "other@example.com")
    rows = db.session.query(LoginFailure).all()

    assert [64] * 4 == [len(key) for row in rows for key in (row.account, row.origin)]
    assert 2 == len({row.origin for row in rows})


def test_an_attempt_that_was_taken_back_does_not_count(now: datetime) -> None:
    """An attempt whose password was not checked is not counted, the next one is."""
    count(now)
    take_back(WHO, HERE)

    assert 0 == failures_of(WHO, HERE)[0].count
    assert count(now)
    assert 1 == failures_of(WHO, HERE)[0].count


def test_one_origin_or_all_are_deleted(now: datetime) -> None:
    """A success deletes one origin's failures, a new password all of the account's."""
    for email, origin in [(WHO, HERE), (WHO, THERE), (WHO, ALL_ORIGINS), ("other@a.b", HERE)]:
        count(now, email, origin)

    forget(WHO, HERE)
    assert [0, 1, 1] == [row.count for row in failures_of(WHO, HERE, THERE, ALL_ORIGINS)]

    forget_all(WHO)
    assert [Failures()] * 3 == failures_of(WHO, HERE, THERE, ALL_ORIGINS)
    assert 1 == failures_of("other@a.b", HERE)[0].count


def test_old_failures_are_deleted(now: datetime) -> None:
    """Only e-mails with a recent failure are stored."""
    count(now, "old@example.com")
    count(now + timedelta(hours=1))
    forget_before(now + timedelta(minutes=1))

    assert [Failures()] == failures_of("old@example.com", HERE)
    assert 1 == failures_of(WHO, HERE)[0].count
