"""API tokens: named keys of programs, of which only the hash is stored."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import (
    JSON,
    ColumnElement,
    CursorResult,
    ForeignKey,
    String,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.outside_text import clipped
from omcrm.storage.types import UtcDateTime
from omcrm.storage.user import Role, User

NAME_LENGTH = 60
KEPT_AFTER_END = timedelta(days=30)
NOTED_EVERY = timedelta(minutes=1)


class ApiToken(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One token; `prefix` is the part of it that is shown, `token_hash` the SHA-256 of it all."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    prefix: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_addr: Mapped[str] = mapped_column(String(64), default="")

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        """Whether it can be used."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires_at > now else "expired"


class KnownToken(Struct, frozen=True):
    """The columns of a token and its account that decide whether the token is valid."""

    id: int
    user_id: int
    role: Role
    is_user_active: bool
    scopes: list[str]
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None

    def is_use_due(self, now: datetime) -> bool:
        """Whether its last use was stored so long ago that it is stored again."""
        return self.last_used_at is None or now - self.last_used_at >= NOTED_EVERY


# These functions work in the open transaction; the caller commits.


def find(token_hash: str) -> KnownToken | None:
    """The token of this hash, valid or not, in one query."""
    row = db.session.execute(
        select(
            ApiToken.id,
            ApiToken.user_id,
            User.role,
            User.active,
            ApiToken.scopes,
            ApiToken.expires_at,
            ApiToken.revoked_at,
            ApiToken.last_used_at,
        )
        .join(User)
        .where(ApiToken.token_hash == token_hash)
    ).one_or_none()
    return KnownToken(*row) if row else None


def invalid_among(token_hashes: Collection[str], now: datetime) -> set[str]:
    """Those of the tokens that are unknown, revoked, expired or of an inactive account."""
    if not token_hashes:
        return set()
    valid = db.session.scalars(
        select(ApiToken.token_hash)
        .join(User)
        .where(ApiToken.token_hash.in_(token_hashes), _usable(now), User.active.is_(True))
    )
    return set(token_hashes).difference(valid)


def of_user(user_id: int) -> list[ApiToken]:
    """The tokens of one account, newest first."""
    newest_first = select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc())
    return list(db.session.scalars(newest_first))


def lock_tokens(user_id: int) -> None:
    """Lock the account's tokens: nobody else can add one before the transaction ends."""
    # Writing anything locks the row on PostgreSQL, and everything on SQLite.
    db.session.execute(update(User).where(User.id == user_id).values(active=User.active))


def count_usable(user_id: int, now: datetime) -> int:
    """How many tokens of the account are neither expired nor revoked."""
    counted = select(func.count()).where(ApiToken.user_id == user_id, _usable(now))
    return db.session.scalar(counted) or 0


def revoke(user_id: int, token_id: int, now: datetime) -> ApiToken | None:
    """Revoke a token of this account; None where it has no such token that is not revoked."""
    mine = and_(ApiToken.id == token_id, ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
    ended: CursorResult[Any] = db.session.execute(
        update(ApiToken).where(mine).values(revoked_at=now)
    )  # type: ignore[assignment]  # an UPDATE gives a CursorResult
    return db.session.get(ApiToken, token_id) if ended.rowcount == 1 else None


def revoke_all(user_id: int, now: datetime) -> None:
    """Revoke every token of one account."""
    mine = and_(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
    db.session.execute(update(ApiToken).where(mine).values(revoked_at=now))


def note_use(token_id: int, now: datetime, remote_addr: str | None) -> None:
    """Store when and from where it was used, unless another process just did."""
    due = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= now - NOTED_EVERY)
    db.session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, due)
        .values(last_used_at=now, last_used_addr=clipped(remote_addr, 64))
    )


def forget_ended(user_id: int, now: datetime) -> None:
    """Delete the account's tokens that ended long ago."""
    limit = now - KEPT_AFTER_END
    ended = or_(ApiToken.expires_at < limit, ApiToken.revoked_at < limit)
    db.session.execute(delete(ApiToken).where(ApiToken.user_id == user_id, ended))


def _usable(now: datetime) -> ColumnElement[bool]:
    return and_(ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
