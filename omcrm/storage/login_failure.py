"""How often passwords of an account were got wrong, also of accounts that do not exist.

An account has one row for each origin that attempts come from (a network, a browser that it knows)
and one for all of them together.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    String,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime
from omcrm.storage.user import same_email

ALL_ORIGINS = ""


class LoginFailure(db.Model):  # type: ignore[name-defined, misc]
    """The failures of one e-mail from one origin; of both only the SHA-256 is kept."""

    __tablename__ = "login_failures"

    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    origin: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    turn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Failures(Struct, frozen=True):
    """How many failures in a row, and when the latest was; no time means that there is no row.

    `turn_at` is, for an origin, when the attempt that is kept for it may be made; for all origins,
    up to when turns are given away.
    """

    count: int = 0
    last_failed_at: datetime | None = None
    turn_at: datetime | None = None


# Only `write` commits; after the others the caller does.


def failures_of(email: str, *origins: str) -> list[Failures]:
    """What is remembered of an e-mail and each of these origins, in one query."""
    keys = [_origin_key(email, origin) for origin in origins]
    rows = db.session.execute(
        select(
            LoginFailure.origin,
            LoginFailure.count,
            LoginFailure.last_failed_at,
            LoginFailure.turn_at,
        ).where(LoginFailure.account == _account_key(email), LoginFailure.origin.in_(keys))
    )
    known = {origin: Failures(*columns) for origin, *columns in rows}
    return [known.get(key, Failures()) for key in keys]


def write(email: str, changes: Mapping[str, tuple[Failures, Failures]]) -> bool:
    """Commit for each origin what it was and becomes; False if another attempt was quicker."""
    try:
        written = all(
            _write(_account_key(email), _origin_key(email, origin), before, after)
            for origin, (before, after) in changes.items()
        )
        if written:
            db.session.commit()
        else:
            db.session.rollback()
    except IntegrityError:
        db.session.rollback()
        return False
    return written


def take_back(email: str, origin: str) -> None:
    """Lower the count of one origin by one: the attempt was never judged."""
    db.session.execute(
        update(LoginFailure)
        .where(_is_row(email, origin), LoginFailure.count > 0)
        .values(count=LoginFailure.count - 1)
    )


def forget(email: str, origin: str) -> None:
    """Start again at none for one origin."""
    db.session.execute(delete(LoginFailure).where(_is_row(email, origin)))


def forget_all(email: str) -> None:
    """Start again at none for every origin, and for all together."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.account == _account_key(email)))


def forget_before(limit: datetime) -> None:
    """Drop whatever has had no failure since then."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.last_failed_at < limit))


def _write(account: str, origin: str, before: Failures, after: Failures) -> bool:
    values = msgspec.structs.asdict(after)
    if before.last_failed_at is None:
        db.session.execute(insert(LoginFailure).values(account=account, origin=origin, **values))
        return True
    result: CursorResult[Any] = db.session.execute(
        update(LoginFailure)
        .where(
            LoginFailure.account == account,
            LoginFailure.origin == origin,
            LoginFailure.count == before.count,
            LoginFailure.turn_at.is_not_distinct_from(before.turn_at),
        )
        .values(**values)
    )  # type: ignore[assignment]  # an UPDATE gives a CursorResult
    return result.rowcount == 1


def _is_row(email: str, origin: str) -> ColumnElement[bool]:
    return and_(
        LoginFailure.account == _account_key(email),
        LoginFailure.origin == _origin_key(email, origin),
    )


def _account_key(email: str) -> str:
    return sha256(same_email(email).encode("utf-8", "replace")).hexdigest()


def _origin_key(email: str, origin: str) -> str:
    # With the e-mail: the table does not show that two accounts were tried from one network.
    return sha256(f"{origin}\n{same_email(email)}".encode("utf-8", "replace")).hexdigest()
