"""How often an account's password was got wrong in a row, also for accounts that do not exist."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct
from sqlalchemy import CursorResult, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime
from omcrm.storage.user import same_email


class LoginFailure(db.Model):  # type: ignore[name-defined, misc]
    """The failures of one address, which is kept only as the SHA-256 of its usual spelling."""

    __tablename__ = "login_failures"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class FailureCount(Struct, frozen=True):
    """How many failures in a row, and when the latest was; no time means never heard of."""

    count: int = 0
    last_failed_at: datetime | None = None


# Only `count_failure` commits; after the others the caller does.


def failures_of(email: str) -> FailureCount:
    """The failures that are remembered for an address."""
    row = db.session.execute(
        select(LoginFailure.count, LoginFailure.last_failed_at).where(
            LoginFailure.key == _key(email)
        )
    ).one_or_none()
    return FailureCount(*row) if row else FailureCount()


def count_failure(email: str, seen: FailureCount, now: datetime) -> bool:
    """Commit one more failure than were `seen`; False if another attempt counted in between."""
    if seen.last_failed_at is None:
        db.session.add(LoginFailure(key=_key(email), count=1, last_failed_at=now))
        counted = True
    else:
        counted = _raise_count(email, seen.count, now)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return False
    return counted


def take_back_failure(email: str) -> None:
    """Lower the count by one: the attempt was never judged."""
    db.session.execute(
        update(LoginFailure)
        .where(LoginFailure.key == _key(email), LoginFailure.count > 0)
        .values(count=LoginFailure.count - 1)
    )


def forget_failures(email: str) -> None:
    """Start again at none."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.key == _key(email)))


def forget_failures_before(limit: datetime) -> None:
    """Drop every address whose latest failure is older than that."""
    db.session.execute(delete(LoginFailure).where(LoginFailure.last_failed_at < limit))


def _raise_count(email: str, seen: int, now: datetime) -> bool:
    result: CursorResult[Any] = db.session.execute(
        update(LoginFailure)
        .where(LoginFailure.key == _key(email), LoginFailure.count == seen)
        .values(count=seen + 1, last_failed_at=now)
    )  # type: ignore[assignment]  # an UPDATE gives a CursorResult
    return result.rowcount == 1


def _key(email: str) -> str:
    return sha256(same_email(email).encode("utf-8", "replace")).hexdigest()
