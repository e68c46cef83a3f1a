"""Tickets: each opens one WebSocket, for the credential that requested it."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime


class WsTicket(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One unused ticket; `handle` names the session or token that requested it."""

    __tablename__ = "ws_tickets"

    ticket_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    handle: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def keep(ticket_hash: str, handle: str, now: datetime, expires_at: datetime) -> None:
    """Add a ticket to the open transaction, and delete the expired ones."""
    db.session.execute(delete(WsTicket).where(WsTicket.expires_at <= now))
    db.session.add(WsTicket(ticket_hash=ticket_hash, handle=handle, expires_at=expires_at))


def find(ticket_hash: str, now: datetime) -> str | None:
    """The handle of a ticket; None for an unknown, used or expired one."""
    mine = WsTicket.ticket_hash == ticket_hash
    return db.session.scalar(select(WsTicket.handle).where(mine, WsTicket.expires_at > now))


def use_up(ticket_hash: str) -> bool:
    """Delete a ticket; whether this call did: of concurrent ones, in any process, a single one."""
    used = db.session.execute(delete(WsTicket).where(WsTicket.ticket_hash == ticket_hash))
    return cast(CursorResult[Any], used).rowcount == 1
