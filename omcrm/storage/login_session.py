"""Login sessions, stored on the server, so that they can be ended there."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ForeignKey,
    String,
    and_,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.outside_text import clipped
from omcrm.storage.types import UtcDateTime
from omcrm.storage.user import Role, User

KEPT_AFTER_EXPIRY = timedelta(days=1)


class LoginSession(db.Model):  # type: ignore[name-defined, misc]
    """One login; only the SHA-256 of its secret token is stored, in hexadecimal."""

    __tablename__ = "login_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str] = mapped_column(String(200))
    remote_addr: Mapped[str] = mapped_column(String(64))


# These functions add to the open transaction; the caller commits.


def open_session(
    token_hash: str,
    user_id: int,
    now: datetime,
    lifetime: timedelta,
    *,
    user_agent: str | None,
    remote_addr: str | None,
) -> None:
    """Add a session that is valid for `lifetime`, and delete those that ended long ago."""
    db.session.execute(
        delete(LoginSession).where(LoginSession.expires_at < now - KEPT_AFTER_EXPIRY)
    )
    db.session.add(
        LoginSession(
            token_hash=token_hash,
            user_id=user_id,
            created_at=now,
            expires_at=now + lifetime,
            user_agent=clipped(user_agent, 200),
            remote_addr=clipped(remote_addr, 64),
        )
    )


def find_owners(token_hashes: Collection[str], now: datetime) -> dict[str, tuple[int, Role]]:
    """The id and the role of the active account of each unexpired, unrevoked one of the sessions.

    One query; leaves no transaction open.
    """
    # Not by the database session, which would cost more than the query.
    with db.engine.connect() as connection:
        rows = connection.execute(_OWNERS, {"token_hashes": list(token_hashes), "now": now})
        return {token_hash: (user_id, role) for token_hash, user_id, role in rows}


def find_valid(token_hash: str, now: datetime) -> User | None:
    """The active account of this unexpired, unrevoked session, in one query."""
    return db.session.scalar(
        select(User).join(LoginSession).where(LoginSession.token_hash == token_hash, _valid(now))
    )


def invalid_among(token_hashes: Collection[str], now: datetime) -> set[str]:
    """Those of the sessions that are unknown, revoked, expired or of an inactive account."""
    if not token_hashes:
        return set()
    valid = db.session.scalars(
        select(LoginSession.token_hash)
        .join(User)
        .where(LoginSession.token_hash.in_(token_hashes), _valid(now))
    )
    return set(token_hashes).difference(valid)


def revoke(token_hash: str, now: datetime) -> None:
    """End one session; a second call keeps the time of the first."""
    _end(LoginSession.token_hash == token_hash, now)


def revoke_all(user_id: int, now: datetime) -> None:
    """End every session of one account."""
    _end(LoginSession.user_id == user_id, now)


def _end(which: ColumnElement[bool], now: datetime) -> None:
    db.session.execute(
        update(LoginSession).where(which, LoginSession.revoked_at.is_(None)).values(revoked_at=now)
    )


def _valid(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return and_(
        LoginSession.revoked_at.is_(None), LoginSession.expires_at > now, User.active.is_(True)
    )


# Built once: every connection needs it.
_OWNERS = (
    select(LoginSession.token_hash, User.id, User.role)
    .join(User)
    .where(
        LoginSession.token_hash.in_(bindparam("token_hashes", expanding=True)),
        _valid(bindparam("now")),
    )
)
