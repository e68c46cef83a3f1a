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
    """A token that is good for a week."""
    return token(user, "mine", now)


@pytest.fixture
def other(user: User, now: datetime) -> User:
    """Another account."""
    account = User(email="b@example.com", password_hash="", role=Role.CLIENT, created_at=now)
    db.session.add(account)
    db.session.commit()
    return account


def test_found_with_its_account(mine: ApiToken, user: User, now: datetime) -> None:
    """A hash leads to the token and to what its account is now, in one query."""
    token_id, user_id = mine.id, user.id
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
    found = api_token.find("mine")

    assert 1 == len(queries)
    assert (token_id, user_id, Role.CLIENT, True) == (
        found.id,
        found.user_id,
        found.role,
        found.is_user_active,
    )
    assert (["market:read"], now + 7 * DAY, None) == (
        found.scopes,
        found.expires_at,
        found.revoked_at,
    )
    assert None is api_token.find("unknown")


def test_states(user: User, now: datetime) -> None:
    """A token is active until its time is over, unless it was revoked before."""
    row = token(user, "short", now, DAY)

    assert "active" == row.state(now + DAY - timedelta(seconds=1))
    assert "expired" == row.state(now + DAY)
    api_token.revoke(user.id, row.id, now)
    assert "revoked" == row.state(now + DAY)


def test_those_that_are_over_are_named(user: User, now: datetime) -> None:
    """Expired, revoked and unknown tokens are told from valid ones with a single query."""
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


def test_a_disabled_account_has_none(mine: ApiToken, user: User, now: datetime) -> None:
    """Whatever the token says, its account decides."""
    user.active = False
    db.session.commit()

    assert {"mine"} == api_token.invalid_among(["mine"], now)
    assert not api_token.find("mine").is_user_active


def test_one_ends_only_ones_own(mine: ApiToken, user: User, other: User, now: datetime) -> None:
    """Another's token is as good as none, and ending it twice keeps the first time."""
    assert None is api_token.revoke(other.id, mine.id, now)
    assert None is api_token.revoke(user.id, mine.id + 1, now)
    assert mine is api_token.revoke(user.id, mine.id, now)
    assert None is api_token.revoke(user.id, mine.id, now + DAY)
    assert now == mine.revoked_at


def test_all_of_an_account_end(mine: ApiToken, user: User, other: User, now: datetime) -> None:
    """Those of others go on, and what had ended keeps its time."""
    theirs = token(other, "theirs", now)
    api_token.revoke(user.id, token(user, "before", now).id, now)
    api_token.revoke_all(user.id, now + DAY)
    ended = {row.name: row.revoked_at for row in api_token.of_user(user.id)}

    assert {"mine": now + DAY, "before": now} == ended
    assert None is theirs.revoked_at


def test_only_usable_ones_are_counted(mine: ApiToken, user: User, now: datetime) -> None:
    """What has expired or was revoked takes no place."""
    token(user, "short", now, DAY)
    api_token.revoke(user.id, token(user, "revoked", now).id, now)

    assert 2 == api_token.count_usable(user.id, now)
    assert 1 == api_token.count_usable(user.id, now + DAY)


def test_use_is_noted_once_a_minute(mine: ApiToken, now: datetime) -> None:
    """Also where two processes both think that it is due."""
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
    """Whatever a proxy says fits into the column."""
    api_token.note_use(mine.id, now, "x\n" * 100)

    assert 64 == len(mine.last_used_addr)
    assert "\n" not in mine.last_used_addr


def test_what_ended_long_ago_is_forgotten(user: User, other: User, now: datetime) -> None:
    """For thirty days the list still says what became of a token."""
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


def test_taking_the_turn_changes_nothing(user: User, now: datetime) -> None:
    """It only keeps others waiting."""
    user.active = False
    db.session.commit()
    api_token.take_turn(user.id)
    db.session.commit()

    assert not user.active
