from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from omcrm.extensions import db
from omcrm.storage import api_token
from omcrm.storage.api_token import ApiToken
from omcrm.storage.user import Role, User

DAY = timedelta(days=1)


def token(user: User, name: str, now: datetime, lasts: timedelta = 7 * DAY) -> ApiToken:
    row = ApiToken(
        user_id=user.id,
        name=name,
        prefix="omcrm_abcdef",
        token_hash=name,
        scopes=["market:read"],
        created_at=now,
        expires_at=now + lasts,
    )
    db.session.add(row)
    db.session.commit()
    return row


@pytest.fixture
def mine(user: User, now: datetime) -> ApiToken:
    """A token that is valid for a week."""
    return token(user, "mine", now)


@pytest.fixture
def other(user: User, now: datetime) -> User:
    """Another account."""
    account = User(email="b@example.com", password_hash="", role=Role.CLIENT, created_at=now)
    db.session.add(account)
    db.session.commit()
    return account


def test_found_with_its_account(mine: ApiToken, user: User, now: datetime) -> None:
    """A hash gives the token and the current state of its account, in one query."""
    token_id, user_id = mine.id, user.id
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
    known = api_token.find("mine")

    assert 1 == len(queries)
    assert (token_id, user_id, Role.CLIENT, True) == (
        known.id,
        known.user_id,
        known.role,
        known.is_user_active,
    )
    assert (["market:read"], now + 7 * DAY, None) == (
        known.scopes,
        known.expires_at,
        known.revoked_at,
    )
    assert None is api_token.find("unknown")


def test_states(user: User, now: datetime) -> None:
    """A token is active until it expires, unless it was revoked before."""
    row = token(user, "short", now, DAY)

    assert "active" == row.state(now + DAY - timedelta(seconds=1))
    assert "expired" == row.state(now + DAY)
    api_token.revoke(user.id, row.id, now)
    assert "revoked" == row.state(now + DAY)


def test_invalid_ones_are_named(user: User, now: datetime) -> None:
    """Expired, revoked and unknown tokens are distinguished from valid ones with one query."""
    for name, lasts in (("good", 7 * DAY), ("short", DAY), ("revoked", 7 * DAY)):
        row = token(user, name, now, lasts)
    api_token.revoke(user.id, row.id, now)
    db.session.commit()
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

    invalid = api_token.invalid_among(["good", "short", "revoked", "unknown"], now + 2 * DAY)

    assert {"short", "revoked", "unknown"} == invalid
    assert 1 == len(queries)
    assert set() == api_token.invalid_among([], now)


def test_a_disabled_account_has_no_valid_token(mine: ApiToken, user: User, now: datetime) -> None:
    """The account decides, whatever the state of the token is."""
    user.active = False
    db.session.commit()

    assert {"mine"} == api_token.invalid_among(["mine"], now)
    assert not api_token.find("mine").is_user_active


def test_users_revoke_only_their_own_tokens(
    mine: ApiToken, user: User, other: User, now: datetime
) -> None:
    """Another user's token is not found, and a second revocation keeps the first time."""
    assert None is api_token.revoke(other.id, mine.id, now)
    assert None is api_token.revoke(user.id, mine.id + 1, now)
    assert mine is api_token.revoke(user.id, mine.id, now)
    assert None is api_token.revoke(user.id, mine.id, now + DAY)
    assert now == mine.revoked_at


def test_all_tokens_of_an_account_are_revoked(
    mine: ApiToken, user: User, other: User, now: datetime
) -> None:
    """Those of others are not, and those that were revoked before keep their time."""
    theirs = token(other, "theirs", now)
    api_token.revoke(user.id, token(user, "before", now).id, now)
    api_token.revoke_all(user.id, now + DAY)
    ended = {row.name: row.revoked_at for row in api_token.of_user(user.id)}

    assert {"mine": now + DAY, "before": now} == ended
    assert None is theirs.revoked_at


def test_only_usable_ones_are_counted(mine: ApiToken, user: User, now: datetime) -> None:
    """Expired and revoked tokens do not count."""
    token(user, "short", now, DAY)
    api_token.revoke(user.id, token(user, "revoked", now).id, now)

    assert 2 == api_token.count_usable(user.id, now)
    assert 1 == api_token.count_usable(user.id, now + DAY)


def test_the_last_use_is_stored_once_a_minute(mine: ApiToken, now: datetime) -> None:
    """Also where two processes store it at the same time."""
    second = timedelta(seconds=1)
    for at, address in ((now, "a"), (now + 59 * second, "b"), (now + 60 * second, "c")):
        api_token.note_use(mine.id, at, address)
        db.session.commit()
        noted = api_token.find("mine")
        if address == "b":
            assert now == noted.last_used_at
            assert not noted.is_use_due(at)

    assert (now + 60 * second, "c") == (noted.last_used_at, mine.last_used_addr)


def test_an_address_is_cut_to_fit(mine: ApiToken, now: datetime) -> None:
    """Any text from a proxy fits into the column."""
    api_token.note_use(mine.id, now, "x\n" * 100)

    assert 64 == len(mine.last_used_addr)
    assert "\n" not in mine.last_used_addr


def test_tokens_that_ended_long_ago_are_deleted(user: User, other: User, now: datetime) -> None:
    """The list shows an ended token for thirty days."""
    token(user, "expired", now, DAY)
    api_token.revoke(user.id, token(user, "revoked", now, 300 * DAY).id, now)
    token(user, "good", now, 300 * DAY)
    token(other, "theirs", now, DAY)
    api_token.forget_ended(user.id, now + 30 * DAY)
    kept = [row.name for row in api_token.of_user(user.id)]
    api_token.forget_ended(user.id, now + 32 * DAY)

    assert ["good", "revoked", "expired"] == kept
    assert ["good"] == [row.name for row in api_token.of_user(user.id)]
    assert ["theirs"] == [row.name for row in api_token.of_user(other.id)]


def test_locking_changes_nothing(user: User, now: datetime) -> None:
    """It only makes other transactions wait."""
    user.active = False
    db.session.commit()
    api_token.lock_tokens(user.id)
    db.session.commit()

    assert not user.active
