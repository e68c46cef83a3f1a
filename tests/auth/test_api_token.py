import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from omcrm.auth import api_token
from omcrm.auth.api_token import (
    DAYS,
    LONGEST_DAYS,
    MOST_TOKENS,
    CreatedToken,
    create,
    expiry,
    revoke,
)
from omcrm.auth.credential import Caller, session_caller
from omcrm.auth.permission import Permission
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.storage.api_token import ApiToken, count_usable
from omcrm.storage.audit import AuditEntry
from omcrm.storage.user import Role

CLIENT = session_caller(1, Role.CLIENT, "client")
ADMIN = session_caller(2, Role.ADMIN, "admin")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def within(app: Flask) -> Any:
    """A client's and an admin's account, with an app context."""
    with app.app_context():
        yield


def made(now: datetime, caller: Caller = CLIENT, **values: Any) -> CreatedToken:
    usual = {"name": "mine", "scopes": [Permission.MARKET_READ], "expires_at": now + 7 * DAY}
    return create(caller, **{**usual, **values}, now=now, remote_addr="192.0.2.7")


def test_a_new_token(now: datetime) -> None:
    """It begins with our mark and has 43 random letters; only its beginning is stored."""
    one, two = made(now), made(now)

    assert re.fullmatch("omcrm_[A-Za-z0-9]{43}", one.secret)
    assert one.secret != two.secret
    assert one.secret[:12] == one.row.prefix
    assert (1, "mine", ["market:read"], now, now + 7 * DAY) == (
        one.row.user_id,
        one.row.name,
        one.row.scopes,
        one.row.created_at,
        one.row.expires_at,
    )


def test_its_text_is_no_secret(now: datetime) -> None:
    """A token that is printed by accident does not show its secret."""
    token = made(now)

    assert token.secret not in f"{token} {token!r} {vars(token.row)}"


def test_creating_and_revoking_are_in_the_audit_log(now: datetime) -> None:
    """The audit log has the user, the token and the address, and not the secret."""
    token = made(now, name="sheet")
    revoke(1, token.row.id, now, "192.0.2.8")
    entries = [
        (entry.action, entry.user_id, entry.detail, entry.remote_addr)
        for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)
    ]
    shown = token.secret[:12]

    assert [
        (
            "create_token",
            1,
            f"{shown} 'sheet': market:read, until 2026-03-11 12:00",
            "192.0.2.7",
        ),
        ("revoke_token", 1, f"{shown} 'sheet'", "192.0.2.8"),
    ] == entries


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 61}),
        ("name", {"name": "a\nb"}),
        ("name", {"name": "a\x00b"}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": [Permission.FEEDS_CONTROL]}),
        ("expires_on", {"expires_at": datetime(2026, 3, 4, 12, 0, tzinfo=UTC)}),
        ("expires_on", {"expires_at": datetime(2027, 3, 6, tzinfo=UTC)}),
    ],
)
def test_the_wrong_field_is_named(now: datetime, field: str, values: dict[str, Any]) -> None:
    """The refusal names the field, and no token is created."""
    with pytest.raises(AccessRefused) as refused:
        made(now, **values)

    assert field == refused.value.field
    assert refused.value.message.startswith(f"{field}: ")
    assert 0 == db.session.query(ApiToken).count()


def test_admins_may_grant_the_scopes_of_admins(now: datetime) -> None:
    """Others may not."""
    assert ["feeds:control"] == made(now, ADMIN, scopes=[Permission.FEEDS_CONTROL]).row.scopes


def test_there_is_a_limit(now: datetime) -> None:
    """Twenty valid tokens; an ended one does not count, and other users have their own twenty."""
    tokens = [made(now) for _ in range(MOST_TOKENS)]
    with pytest.raises(AccessRefused) as refused:
        made(now)
    made(now, ADMIN)
    revoke(1, tokens[0].row.id, now, None)
    made(now)

    assert ("LIMIT_EXCEEDED", 409) == (refused.value.code, refused.value.status)
    assert MOST_TOKENS == count_usable(1, now)


def test_the_limit_holds_for_concurrent_requests(app: Flask, now: datetime) -> None:
    """Many requests at the same time do not create one more."""
    for _ in range(MOST_TOKENS - 2):
        made(now)

    def make(_: int) -> str:
        with app.app_context():
            try:
                return made(now).secret
            except AccessRefused as refused:
                return refused.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(make, range(6)))
    db.session.rollback()

    assert 4 == outcomes.count("LIMIT_EXCEEDED")
    assert MOST_TOKENS == count_usable(1, now)


def test_creating_is_limited_by_the_hour(now: datetime) -> None:
    """The table of revoked tokens does not grow without limit."""
    for _ in range(60):
        revoke(1, made(now).row.id, now, None)
    with pytest.raises(AccessRefused) as refused:
        made(now)

    assert ("TOO_MANY_REQUESTS", 429) == (refused.value.code, refused.value.status)


def test_another_users_token_is_answered_like_a_missing_one(now: datetime) -> None:
    """The answer does not reveal which tokens exist."""
    token = made(now, ADMIN)
    refusals = []
    for token_id in (token.row.id, 999, 0, 2**70):
        with pytest.raises(AccessRefused) as refused:
            revoke(1, token_id, now, None)
        refusals.append((refused.value.code, refused.value.message, refused.value.status))

    assert {("UNKNOWN_TOKEN", "You have no such token.", 404)} == set(refusals)
    assert None is token.row.revoked_at


@pytest.mark.parametrize("days", DAYS)
def test_expiry_after_days(now: datetime, days: int) -> None:
    """To the minute."""
    assert (
        now + days * DAY
        == expiry(now, days=days)
        == made(now, expires_at=expiry(now, days=days)).row.expires_at
    )


def test_expiry_at_the_end_of_a_day(now: datetime) -> None:
    """Today is the first day that may be chosen, a year from now the last."""
    today, last = now.date(), now.date() + LONGEST_DAYS * DAY

    assert datetime(2026, 3, 5, tzinfo=UTC) == expiry(now, last_day=today)
    assert made(now, expires_at=expiry(now, last_day=today))
    assert made(now, expires_at=expiry(now, last_day=last))
    for wrong in (today - DAY, last + DAY, date.min):
        with pytest.raises(AccessRefused):
            made(now, expires_at=expiry(now, last_day=wrong))
    with pytest.raises(AccessRefused):
        expiry(now, last_day=date.max)


def test_tokens_that_ended_long_ago_are_deleted(now: datetime) -> None:
    """The list does not grow without limit."""
    made(now, name="old")
    made(now + 40 * DAY, name="new", expires_at=now + 50 * DAY)

    assert ["new"] == [row.name for row in db.session.query(ApiToken)]
    assert api_token.MOST_TOKENS > 1
