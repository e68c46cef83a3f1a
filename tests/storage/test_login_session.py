from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from omcrm.extensions import db
from omcrm.storage.login_session import (
    LoginSession,
    find_valid,
    invalid_among,
    open_session,
    revoke,
    revoke_all,
)
from omcrm.storage.user import User

HOUR = timedelta(hours=1)


@pytest.fixture
def sessions(user: User, now: datetime) -> None:
    """Two sessions of one account, good for one and for three hours."""
    for token_hash, lifetime in (("short", HOUR), ("long", 3 * HOUR)):
        open_session(token_hash, user.id, now, lifetime, user_agent="x" * 300, remote_addr=None)
    db.session.commit()


def test_a_session_belongs_to_its_account(sessions: None, user: User, now: datetime) -> None:
    """A valid session leads to its account; what the browser said is cut to fit."""
    assert user is find_valid("short", now)
    assert 200 == len(db.session.get_one(LoginSession, "short").user_agent)


def test_unknown_session_is_nobodys(sessions: None, now: datetime) -> None:
    """A hash that was never given out leads to nobody."""
    assert None is find_valid("unknown", now)


def test_expires(sessions: None, user: User, now: datetime) -> None:
    """A session is over the moment its time is."""
    assert user is find_valid("short", now + HOUR - timedelta(seconds=1))
    assert None is find_valid("short", now + HOUR)


def test_revoked_session_is_over(sessions: None, user: User, now: datetime) -> None:
    """Revoking ends one session only, and a second time changes nothing."""
    revoke("short", now)
    revoke("short", now + HOUR)

    assert None is find_valid("short", now)
    assert user is find_valid("long", now)
    assert now == db.session.get_one(LoginSession, "short").revoked_at


def test_revoking_all_ends_every_session(sessions: None, user: User, now: datetime) -> None:
    """All sessions of an account can be ended at once."""
    revoke_all(user.id, now)

    assert {"short", "long"} == invalid_among(["short", "long"], now)


def test_inactive_account_has_no_valid_session(sessions: None, user: User, now: datetime) -> None:
    """A disabled account is out, whatever its sessions say."""
    user.active = False
    db.session.commit()

    assert None is find_valid("long", now)
    assert {"short", "long"} == invalid_among({"short", "long"}, now)


def test_invalid_among_names_those_that_are_over(sessions: None, now: datetime) -> None:
    """Expired, revoked and unknown sessions are told from valid ones with a single query."""
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

    invalid = invalid_among(["short", "long", "unknown"], now + 2 * HOUR)

    assert {"short", "unknown"} == invalid
    assert 1 == len(queries)
    assert set() == invalid_among([], now)


def test_old_sessions_are_forgotten(sessions: None, user: User, now: datetime) -> None:
    """Sessions that ended long ago leave the table when somebody logs in."""
    open_session("new", user.id, now + 26 * HOUR, HOUR, user_agent=None, remote_addr=None)
    db.session.commit()

    assert ["long", "new"] == sorted(s.token_hash for s in db.session.query(LoginSession))
