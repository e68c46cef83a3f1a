"""The failed logins of each account, also of accounts that do not exist.

An account has one row for each origin of attempts (a network, a browser that it knows) and one for
all of them together.
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
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime
from omcrm.storage.user import same_email

ALL_ORIGINS = ""


class LoginFailure(db.Model):  # type: ignore[name-defined, misc]
    """The failures of one e-mail from one origin; of both only the SHA-256 is stored."""

    __tablename__ = "login_failures"

    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    origin: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    next_attempt_at: Mapped[datetime | None] = mapped_column("turn_at", UtcDateTime)


class Failures(Struct, frozen=True):
    """How many failures in a row, and when the latest was; no time means that there is no row.

    `next_attempt_at` is, for an origin, when its reserved attempt may be made; for all origins, up
    to when attempts are granted.
    """

    count: int = 0
    last_failed_at: datetime | None = None
    next_attempt_at: datetime | None = None


def failures_of(email: str, *origins: str) -> list[Failures]:
    """The failures of an e-mail from each of these origins, in one query."""
    keys = [_origin_key(email, origin) for origin in origins]
    rows = db.session.execute(
        select(
            LoginFailure.origin,
            LoginFailure.count,
            LoginFailure.last_failed_at,
            LoginFailure.next_attempt_at,
        ).where(LoginFailure.account == _account_key(email), LoginFailure.origin.in_(keys))
    )
    known = {row.origin: Failures(*row[1:]) for row in rows}
    return [known.get(key, Failures()) for key in keys]


def write(email: str, changes: Mapping[str, tuple[Failures, Failures]]) -> bool:
    """Change each origin's failures from the first to the second value; False, or IntegrityError,
    if another attempt changed one meanwhile: then nothing may be committed."""
    return all(
        _write(_account_key(email), _origin_key(email, origin), before, after)
        for origin, (before, after) in changes.items()
    )


def take_back(email: str, origin: str) -> None:
    """Lower the count of one origin by one, for an attempt whose password was not checked."""
    db.session.execute(
        update(LoginFailure)
        .where(_is_row(email, origin), LoginFailure.count > 0)
        .values(count=LoginFailure.count - 1)
    )


def forget(email: str, origin: str) -> None:
    """Delete the failures of one origin."""
    db.session.execute(delete(LoginFailure).where(_is_row(email, origin)))


def forget_all(email: str) -> None:
    """Delete the failures of every origin, and of all together."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.account == _account_key(email)))


def forget_before(limit: datetime) -> None:
    """Delete the rows without a failure since `limit`."""
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
            LoginFailure.next_attempt_at.is_not_distinct_from(before.next_attempt_at),
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
    # Hashed with the e-mail: the table does not show that two accounts were tried from one network.
    return sha256(f"{origin}\n{same_email(email)}".encode("utf-8", "replace")).hexdigest()
