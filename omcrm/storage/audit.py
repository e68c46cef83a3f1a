"""The audit log: who did what, and when; entries are added, never changed."""

from datetime import datetime
from typing import Any

from flask import has_request_context, request
from msgspec import Struct
from sqlalchemy import ForeignKey, String, event, func, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.outside_text import clipped
from omcrm.storage.types import UtcDateTime


class AuditEntry(db.Model):  # type: ignore[name-defined, misc]
    """One action; `action` is a fixed word, `detail` its subject."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    action: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(String(500))
    remote_addr: Mapped[str] = mapped_column(String(64))


def record(
    action: str,
    now: datetime,
    *,
    user_id: int | None = None,
    detail: str = "",
    remote_addr: str | None = None,
) -> None:
    """Add an entry to the open transaction; the caller commits.

    The default of `remote_addr` is that of the current request, where there is one.
    """
    if remote_addr is None and has_request_context():
        remote_addr = request.remote_addr
    db.session.add(
        AuditEntry(
            at=now,
            user_id=user_id,
            action=action,
            detail=clipped(detail, 500),
            remote_addr=clipped(remote_addr, 64),
        )
    )


class FailedLogins(Struct, frozen=True):
    """How many attempts failed, and when and from where the latest was."""

    count: int
    last_at: datetime
    last_addr: str


def logins_of(user_id: int, action: str, most: int) -> list[AuditEntry]:
    """The latest login attempts of one account, newest first; `login` or `failed_login`."""
    query = select(AuditEntry).where(AuditEntry.user_id == user_id, AuditEntry.action == action)
    return list(db.session.scalars(query.order_by(AuditEntry.id.desc()).limit(most)))


def failed_between_logins(user_id: int) -> FailedLogins | None:
    """The failed logins between an account's latest login and the one before; None without any."""
    ids = [entry.id for entry in logins_of(user_id, "login", 2)]
    latest, before = (*ids, 0, 0)[:2]
    failed = (
        AuditEntry.user_id == user_id,
        AuditEntry.action == "failed_login",
        AuditEntry.id.between(before, latest),
    )
    count, last = db.session.execute(
        select(func.count(), func.max(AuditEntry.id)).where(*failed)
    ).one()
    entry = db.session.get(AuditEntry, last) if count else None
    return None if entry is None else FailedLogins(count, entry.at, entry.remote_addr)


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse_change(*_: Any) -> None:
    raise RuntimeError("an audit entry is never changed or deleted")
