from datetime import datetime

import pytest

from omcrm.extensions import db
from omcrm.storage.audit import AuditEntry, record
from omcrm.storage.user import User


@pytest.fixture
def entry(user: User, now: datetime) -> AuditEntry:
    """One entry in the log."""
    record("login", now, user_id=user.id, detail="line\nline" + "x" * 600, remote_addr="::1")
    db.session.commit()
    return db.session.query(AuditEntry).one()


def test_says_who_did_what_when_and_from_where(
    entry: AuditEntry, user: User, now: datetime
) -> None:
    """An entry holds the act and its circumstances, in one line that fits."""
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
