from datetime import datetime, timedelta
from itertools import count

import pytest

from omcrm.extensions import db
from omcrm.storage.audit import (
    AuditEntry,
    FailedLogins,
    failed_between_logins,
    logins_of,
    record,
)
from omcrm.storage.user import User


@pytest.fixture
def entry(user: User, now: datetime) -> AuditEntry:
    """One entry in the log."""
    record("login", now, user_id=user.id, detail="line\nline" + "x" * 600, remote_addr="::1")
    db.session.commit()
    return db.session.query(AuditEntry).one()


def test_an_entry_has_user_action_time_and_address(
    entry: AuditEntry, user: User, now: datetime
) -> None:
    """Its detail is one line that fits into the column."""
    assert (user.id, "login", now, "::1") == (
        entry.user_id,
        entry.action,
        entry.at,
        entry.remote_addr,
    )
    assert 500 == len(entry.detail)
    assert "\n" not in entry.detail


def test_cannot_be_changed(entry: AuditEntry) -> None:
    """An entry stays as it was written."""
    entry.detail = "nothing happened"

    with pytest.raises(RuntimeError, match="never changed"):
        db.session.commit()


def test_cannot_be_deleted(entry: AuditEntry) -> None:
    """An entry stays."""
    db.session.delete(entry)

    with pytest.raises(RuntimeError, match="never changed or deleted"):
        db.session.commit()


def test_failures_between_logins(user: User, now: datetime) -> None:
    """Failures before the last login but one do not count, nor do those since the last one."""
    minutes = count()
    for action in ("failed_login", "login", "failed_login", "failed_login", "logout", "login"):
        at = now + timedelta(minutes=next(minutes))
        record(action, at, user_id=user.id, remote_addr=f"192.0.2.{at.minute}")
    record("failed_login", now, detail="nobody@example.com")
    db.session.commit()
    expected = FailedLogins(2, now + timedelta(minutes=3), "192.0.2.3")

    assert expected == failed_between_logins(user.id)
    assert [2, 1] == [len(logins_of(user.id, "login", most)) for most in (9, 1)]
    assert None is failed_between_logins(user.id + 1)


def test_failures_before_the_first_login(user: User, now: datetime) -> None:
    """At the first login all failures before it count."""
    for action in ("failed_login", "login"):
        record(action, now, user_id=user.id, remote_addr="192.0.2.1")
        db.session.commit()

    assert FailedLogins(1, now, "192.0.2.1") == failed_between_logins(user.id)
