from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from omcrm.extensions import db
from omcrm.storage.login_session import (
    LoginSession,
    find_owners,
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
    """Two sessions of one account, valid for one and for three hours."""
    for token_hash, lifetime in (("short", HOUR), ("long", 3 * HOUR)):
        open_session(token_hash, user.id, now, lifetime, user_agent="x" * 300, remote_addr=None)
    db.session.commit()


def test_a_session_belongs_to_its_account(sessions: None, user: User, now: datetime) -> None:
    """A valid session gives its account; the browser's User-Agent is clipped."""
    assert user is find_valid("short", now)
    assert 200 == len(db.session.get_one(LoginSession, "short").user_agent)


def test_an_unknown_session_has_no_account(sessions: None, now: datetime) -> None:
    """An unknown hash gives None."""
    assert None is find_valid("unknown", now)


def test_expires(sessions: None, user: User, now: datetime) -> None:
    """A session is invalid from its expiry on."""
    assert user is find_valid("short", now + HOUR - timedelta(seconds=1))
    assert None is find_valid("short", now + HOUR)


def test_a_revoked_session_is_invalid(sessions: None, user: User, now: datetime) -> None:
    """Revoking ends one session only, and a second time changes nothing."""
    revoke("short", now)
    revoke("short", now + HOUR)

    assert None is find_valid("short", now)
    assert user is find_valid("long", now)
    assert now == db.session.get_one(LoginSession, "short").revoked_at


def test_revoking_all_ends_every_session(sessions: None, user: User, now: datetime) -> None:
    """All sessions of an account end with one call."""
    revoke_all(user.id, now)

    assert {"short", "long"} == invalid_among(["short", "long"], now)


def test_inactive_account_has_no_valid_session(sessions: None, user: User, now: datetime) -> None:
    """All sessions of a disabled account are invalid."""
    user.active = False
    db.session.commit()

    assert None is find_valid("long", now)
    assert {"short", "long"} == invalid_among({"short", "long"}, now)


def test_the_owners_of_several_are_found_at_once(sessions: None, user: User, now: datetime) -> None:
    """Of those that are valid, by one query that leaves no transaction open."""
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
    owner = (user.id, user.role)
    db.session.rollback()
    queries.clear()

    assert {"short": owner, "long": owner} == find_owners(["short", "long", "unknown"], now)
    assert 1 == len(queries)
    assert not db.session().in_transaction()
    assert {"long": owner} == find_owners(["short", "long"], now + HOUR)
    assert {} == find_owners(["short", "long"], now + 3 * HOUR)
    revoke("long", now)
    db.session.commit()
    assert {"short": owner} == find_owners(["short", "long"], now)
    user.active = False
    db.session.commit()
    assert {} == find_owners(["short"], now)


def test_invalid_ones_are_named(sessions: None, now: datetime) -> None:
    """Expired, revoked and unknown sessions are distinguished from valid ones with one query."""
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

    invalid = invalid_among(["short", "long", "unknown"], now + 2 * HOUR)

    assert {"short", "unknown"} == invalid
    assert 1 == len(queries)
    assert set() == invalid_among([], now)


def test_old_sessions_are_deleted(sessions: None, user: User, now: datetime) -> None:
    """A login deletes the sessions that ended long ago."""
    open_session("new", user.id, now + 26 * HOUR, HOUR, user_agent=None, remote_addr=None)
    db.session.commit()

    assert ["long", "new"] == sorted(s.token_hash for s in db.session.query(LoginSession))
